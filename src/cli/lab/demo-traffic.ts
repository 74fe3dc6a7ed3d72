import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';

/*
 * Traffic of the demonstration, as processes of their own; each prints one JSON line at its end.
 *   demo-traffic receive ADDRESS TCP_PORT UDP_PORT     until one TCP stream has ended
 *   demo-traffic tcp ADDRESS PORT SECONDS               as fast as it goes
 *   demo-traffic udp ADDRESS PORT SECONDS PER_SECOND    numbered datagrams, evenly
 */

const CHUNK = new Uint8Array(256 * 1024);
const TICK = 2;
const PAYLOAD = 200;

function receive(address: string, tcpPort: number, udpPort: number): void {
  const seen = new Set<number>();
  let duplicates = 0;
  const udp = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 4 << 20 });
  udp.on('message', (bytes) => {
    const number = bytes.readUInt32BE(0);
    if (seen.has(number)) duplicates += 1;
    seen.add(number);
  });
  udp.bind(udpPort, address);
  const server = createServer((socket) => {
    const begin = performance.now();
    let bytes = 0;
    let heardAt = begin;
    let longestGapMs = 0;
    socket.on('data', (chunk) => {
      const now = performance.now();
      longestGapMs = Math.max(longestGapMs, now - heardAt);
      heardAt = now;
      bytes += chunk.length;
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      const seconds = (performance.now() - begin) / 1000;
      // datagrams still on their way
      setTimeout(() => {
        console.log(JSON.stringify({ bytes, seconds, longestGapMs, datagrams: seen.size, duplicates }));
        udp.close();
        server.close();
      }, 500);
    });
  });
  server.listen(tcpPort, address, () => console.log(JSON.stringify({ ready: true })));
}

function sendTcp(address: string, port: number, seconds: number): void {
  const socket = connect(port, address, () => {
    const end = performance.now() + seconds * 1000;
    const push = (): void => {
      while (performance.now() < end) if (!socket.write(CHUNK)) return;
      socket.end();
    };
    socket.on('drain', push);
    push();
  });
  socket.on('error', (error) => fail(error));
}

function sendUdp(address: string, port: number, seconds: number, perSecond: number): void {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  const begin = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const passed = Math.min(performance.now() - begin, seconds * 1000);
    for (const due = Math.floor((passed * perSecond) / 1000); sent < due; sent++) {
      const bytes = Buffer.alloc(PAYLOAD);
      bytes.writeUInt32BE(sent, 0);
      socket.send(bytes, port, address);
    }
    if (passed < seconds * 1000) return;
    clearInterval(timer);
    socket.close(() => console.log(JSON.stringify({ sent })));
  }, TICK);
}

function fail(error: Error): void {
  console.error(error.message);
  process.exitCode = 1;
}

const [mode, address = '', ...numbers] = process.argv.slice(2);
const [first = 0, second = 0, third = 0] = numbers.map(Number);
if (mode === 'receive') receive(address, first, second);
else if (mode === 'tcp') sendTcp(address, first, second);
else if (mode === 'udp') sendUdp(address, first, second, third);
else fail(new Error('usage: demo-traffic receive|tcp|udp ADDRESS …'));
