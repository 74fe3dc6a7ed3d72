import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createServer, connect as open, type Socket } from 'node:net';

/*
 * Traffic of the end-to-end tests, as processes of their own; each prints one JSON line at its end.
 *   sink ADDRESS PORT                      TCP: length and hash of one stream, to its end
 *   pour ADDRESS PORT BYTES                TCP: as many bytes that no compression could shorten; their hash
 *   shell ADDRESS PORT                     TCP: answers each line "n" by "answer n", as a shell echoes what is typed
 *   type ADDRESS PORT LINES                TCP: types lines while answers come, some together, some alone
 *   echo ADDRESS PORT                      UDP: sends everything back
 *   ask ADDRESS PORT COUNT GAP_MS SIZE…    UDP: numbered datagrams of these sizes in turn; what came back whole
 */

const [mode, address = '', portText = '', ...numbers] = process.argv.slice(2);
const port = Number(portText);
const [first = 0, second = 0, ...sizes] = numbers.map(Number);

function report(result: object): void {
  console.log(JSON.stringify(result));
}

function listen(serve: (socket: Socket) => void): void {
  const server = createServer(serve);
  server.listen(port, address, () => console.log('ready'));
}

function sink(): void {
  listen((socket) => {
    const hash = createHash('sha256');
    let bytes = 0;
    socket.on('data', (chunk) => {
      hash.update(chunk);
      bytes += chunk.length;
    });
    socket.on('end', () => report({ bytes, hash: hash.digest('hex') }));
  });
}

function pour(total: number): void {
  const hash = createHash('sha256');
  const socket = open(port, address);
  let sent = 0;
  const push = (): void => {
    for (let free = true; free && sent < total; ) {
      const chunk = noise(sent, Math.min(65_536, total - sent));
      hash.update(chunk);
      sent += chunk.length;
      free = socket.write(chunk);
    }
    if (sent === total) socket.end();
  };
  socket.on('connect', push).on('drain', push);
  socket.on('close', () => report({ bytes: sent, hash: hash.digest('hex') }));
}

/** Bytes that follow from their place, so that a piece which is lost, doubled or moved changes the hash. */
function noise(at: number, length: number): Buffer {
  const block = Buffer.alloc(length);
  for (let word = 0; word + 4 <= length; word += 4)
    block.writeUInt32LE(Math.imul(at + word + 1, 0x9e3779b1) >>> 0, word);
  return block;
}

function shell(): void {
  listen((socket) => {
    let line = '';
    socket.setNoDelay(true).setEncoding('utf8');
    socket.on('data', (text: string) => {
      line += text;
      for (let end = line.indexOf('\n'); end >= 0; end = line.indexOf('\n')) {
        socket.write(`answer ${line.slice(0, end)}\n`);
        line = line.slice(end + 1);
      }
    });
    socket.on('end', () => socket.end());
  });
}

/** Some lines go out before the answer to the last one is there, as when somebody types ahead. */
function type(lines: number): void {
  const socket = open(port, address);
  let [typed, heard, text] = [0, 0, ''];
  let inOrder = true;
  const go = (): void => {
    for (const ahead = typed % 7 === 0 ? 4 : 1; typed < lines && typed < heard + ahead; typed++) {
      socket.write(`${typed}`); // each a segment of its own
      socket.write('\n');
    }
  };
  socket.setNoDelay(true).setEncoding('utf8');
  socket.on('connect', go);
  socket.on('data', (chunk: string) => {
    text += chunk;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      inOrder &&= text.slice(0, end) === `answer ${heard}`;
      heard += 1;
      text = text.slice(end + 1);
    }
    if (heard === lines) socket.end();
    else go();
  });
  socket.on('close', () => report({ heard, inOrder }));
}

function echo(): void {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (bytes, from) => socket.send(bytes, from.port, from.address));
  socket.bind(port, address, () => console.log('ready'));
}

/** A datagram is its number, then bytes that follow from it; the answers may come in any order. */
function ask(count: number, gapMs: number): void {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  const whole = new Set<number>();
  let [sent, doubled, damaged] = [0, 0, 0];
  socket.on('message', (bytes) => {
    const number = bytes.readUInt32LE(0);
    if (!bytes.equals(numbered(number))) damaged += 1;
    else if (whole.has(number)) doubled += 1;
    else whole.add(number);
    if (whole.size === count) end();
  });
  const timer = setInterval(() => {
    if (sent < count) socket.send(numbered(sent++), port, address);
    else clearInterval(timer);
  }, gapMs);
  const bound = setTimeout(end, count * gapMs + 5_000);
  function end(): void {
    clearTimeout(bound);
    clearInterval(timer);
    report({ sent, whole: whole.size, doubled, damaged });
    socket.close();
  }
}

function numbered(number: number): Buffer {
  const bytes = noise(number, sizes[number % sizes.length] ?? 64);
  bytes.writeUInt32LE(number, 0);
  return bytes;
}

switch (mode) {
  case 'sink':
    sink();
    break;
  case 'pour':
    pour(first);
    break;
  case 'shell':
    shell();
    break;
  case 'type':
    type(first);
    break;
  case 'echo':
    echo();
    break;
  case 'ask':
    ask(first, second);
    break;
  default:
    throw new Error(`no mode ${mode}`);
}
