import { createSocket } from 'node:dgram';

/*
 * many-flows ADDRESS COUNT: one UDP datagram in each of so many flows, a thousand per socket.
 */
const [address = '', count = '0'] = process.argv.slice(2);
const FIRST_PORT = 1_024;

for (let flow = 0; flow < Number(count); ) {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, resolve));
  const batch: Promise<void>[] = [];
  for (let i = 0; i < 1_000 && flow < Number(count); i++, flow++)
    batch.push(new Promise((resolve) => socket.send('flow', FIRST_PORT + flow, address, () => resolve())));
  await Promise.all(batch);
  socket.close();
}
