import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';

/*
 * A program of no member: it answers, or asks, by TCP and UDP on ordinary addresses.
 *
 *   serve PORT                     answers both on all addresses, and prints what UDP heard: one JSON line each
 *   reach ADDRESS PORT [FROM [AS [MS]]] prints {"tcp":…,"udp":…}: whether an answer came in so many ms; from this local port and
 *                                  address
 *   hold ADDRESS PORT              a TCP connection with a line every 50 ms; prints each answer
 */
const [verb, ...words] = process.argv.slice(2);

if (verb === 'serve') serve(Number(words[0]));
else if (verb === 'reach')
  void reach(words[0] ?? '', Number(words[1]), {
    port: Number(words[2] ?? 0),
    address: words[3] || undefined,
    patience: Number(words[4]),
  });
else hold(words[0] ?? '', Number(words[1]));

function serve(port: number): void {
  const udp = createSocket({ type: 'udp6', reuseAddr: true });
  udp.on('message', (bytes, from) => {
    console.log(JSON.stringify({ from: from.address, bytes: bytes.toString() }));
    udp.send(bytes, from.port, from.address, () => undefined);
  });
  const tcp = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
  udp.bind(port, '::', () => tcp.listen(port, '::', () => console.log('ready')));
}

interface From {
  /** 0: any */
  readonly port: number;
  readonly address: string | undefined;
  /** milliseconds */
  readonly patience: number;
}

async function reach(address: string, port: number, from: From): Promise<void> {
  const [tcp, udp] = await Promise.all([reachByTcp(address, port, from), reachByUdp(address, port, from)]);
  console.log(JSON.stringify({ tcp, udp }));
  process.exit();
}

function reachByTcp(host: string, port: number, from: From): Promise<boolean> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(false), from.patience);
    const socket = connect({
      host,
      port,
      ...(from.port !== 0 && { localPort: from.port }),
      ...(from.address !== undefined && { localAddress: from.address }),
    });
    socket.once('error', () => resolve(false));
    socket.once('data', () => resolve(true));
    socket.write('clear text');
  });
}

function reachByUdp(address: string, port: number, from: From): Promise<boolean> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(false), from.patience);
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    socket.once('error', () => resolve(false));
    socket.once('message', () => resolve(true));
    socket.bind({ port: from.port, address: from.address }, () =>
      socket.send('clear text', port, address, (error) => error && resolve(false)),
    );
  });
}

function hold(host: string, port: number): void {
  const socket = connect({ host, port });
  socket.on('error', () => undefined);
  socket.on('data', (bytes) => console.log(bytes.toString().trim()));
  setInterval(() => socket.write('clear text\n'), 50);
}
