import { createServer, connect as open, type Socket } from 'node:net';

/*
 * A session as of somebody who types: both ends send a byte every 20 ms, and print when something came.
 *   keystrokes-tool listen|connect ADDRESS PORT
 */

const EVERY = 20;

function talk(socket: Socket): void {
  const typing = setInterval(() => socket.write('.'), EVERY);
  socket.setNoDelay(true);
  socket.on('data', () => console.log(Date.now()));
  socket.on('error', (error) => console.error(Date.now(), error.message));
  socket.on('close', () => clearInterval(typing));
}

const [mode, address = '', port] = process.argv.slice(2);
if (mode === 'listen') createServer(talk).listen(Number(port), address, () => console.log('ready'));
else talk(open(Number(port), address));
