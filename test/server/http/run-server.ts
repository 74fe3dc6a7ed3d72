import { startServer } from '../../../src/server/server.ts';

/** A server as a process of its own: options as JSON in, what it runs as on stdout, log lines on stderr. */
const options: Parameters<typeof startServer>[0] = JSON.parse(process.argv[2] ?? '{}');
const log = {
  log: (level: string, event: string, fields: object) =>
    void process.stderr.write(`${JSON.stringify({ level, event, ...fields })}\n`),
};
const server = await startServer({ ...options, release: '1.2.3', log });
process.once('SIGTERM', () => void server.close());
const { url, port, socket, pin, servers, udp, isNew } = server;
process.stdout.write(`${JSON.stringify({ url, port, socket, pin, servers, udp, isNew })}\n`);
