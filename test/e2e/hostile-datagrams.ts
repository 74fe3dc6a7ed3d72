import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';

/*
 * hostile-datagrams ADDRESS PORT SECONDS OVERHEARD: what an attacker on the path, without keys, can send to a node, as fast as
 * one socket takes it: every kind, every length that a header may end at, and the overheard datagram (hex) whole, changed
 * and cut. Prints what was sent and answered.
 */
const [address = '', port = '0', seconds = '0', overheardText = ''] = process.argv.slice(2);
const overheard = Buffer.from(overheardText, 'hex');
/** Kinds of the protocol: DPRP, data, relay frame, messages about paths; and some of no kind. */
const KINDS = [0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0f, 0x10, 0x11, 0x20, 0x30, 0x3f, 0x40, 0x80, 0xff];
const LENGTHS = [0, 1, 4, 8, 15, 16, 17, 31, 32, 33, 48, 64, 100, 200, 257, 500, 812, 1_200, 1_400, 1_472];
const PER_TURN = 16;

const socket = createSocket('udp4');
let [sent, bytes, answers, answerBytes] = [0, 0, 0, 0];
socket.on('message', (message) => {
  answers += 1;
  answerBytes += message.length;
});

function next(number: number): Uint8Array {
  if (number % 10 === 0) return changed(number / 10);
  const length = LENGTHS[number % LENGTHS.length] ?? 0;
  const datagram = randomBytes(length);
  if (length > 0) datagram[0] = KINDS[Math.floor(number / LENGTHS.length) % KINDS.length] ?? 0;
  // half of them with the zero bytes that a header begins with
  if (number % 2 === 0) datagram.fill(0, 1, Math.min(4, length));
  return datagram;
}

/** The overheard datagram: again as it was, with one bit changed, cut off, or longer. */
function changed(number: number): Uint8Array {
  const at = Math.floor(number / 4) % overheard.length;
  switch (number % 4) {
    case 0:
      return overheard;
    case 1:
      return overheard.map((byte, index) => (index === at ? byte ^ (1 << (number % 8)) : byte));
    case 2:
      return overheard.subarray(0, at);
    default:
      return Buffer.concat([overheard, randomBytes(1 + (number % 100))]);
  }
}

const end = performance.now() + Number(seconds) * 1000;
while (performance.now() < end) {
  const turn = Array.from({ length: PER_TURN }, () => next(sent++));
  await Promise.all(
    turn.map(
      (datagram) => new Promise<void>((resolve) => socket.send(datagram, Number(port), address, () => resolve())),
    ),
  );
  bytes += turn.reduce((sum, { length }) => sum + length, 0);
  await new Promise((resolve) => setImmediate(resolve)); // answers are heard too
}
console.log(JSON.stringify({ sent, bytes, answers, answerBytes }));
socket.close();
