import { createSocket } from 'node:dgram';

/*
 * The two ends of a DHCP exchange as far as a packet filter sees it: broadcasts from port 68 to 67 and back.
 *
 *   serve BROADCAST [PORT]   answers at this port, by default 67, to port 68 of everybody; prints "ready"
 *   ask BROADCAST [PORT]     asks from port 68 and prints whether an answer came
 */
const [verb, broadcast = '255.255.255.255', port = '67'] = process.argv.slice(2);
const PATIENCE = 1_000;
const socket = createSocket({ type: 'udp4', reuseAddr: true });

if (verb === 'serve') {
  socket.on('message', (bytes) => socket.send(bytes, 68, broadcast));
  socket.bind(Number(port), () => {
    socket.setBroadcast(true);
    console.log('ready');
  });
} else {
  const end = (isAnswered: boolean) => {
    console.log(isAnswered ? 'answered' : 'silence');
    process.exit();
  };
  setTimeout(() => end(false), PATIENCE);
  socket.on('message', () => end(true));
  socket.bind(68, () => {
    socket.setBroadcast(true);
    // what the lock refuses is told at once
    socket.send('discover', Number(port), broadcast, (error) => error && end(false));
  });
}
