import { startRelayServer } from '../../../src/server/relay-server.ts';

/** A relay as a process of its own: options as JSON in, what it runs as on stdout, log lines on stderr. */
const options: Parameters<typeof startRelayServer>[0] = JSON.parse(process.argv[2] ?? '{}');
const log = {
  log: (level: string, event: string, fields: object) =>
    void process.stderr.write(`${JSON.stringify({ level, event, ...fields })}\n`),
};
const { port, endpoints, servers } = await startRelayServer({ ...options, release: '1.2.3', log });
process.stdout.write(`${JSON.stringify({ port, endpoints, servers })}\n`);
