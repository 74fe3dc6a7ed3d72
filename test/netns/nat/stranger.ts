import { randomBytes } from 'node:crypto';
import { createSocket, type RemoteInfo } from 'node:dgram';
import { fileURLToPath } from 'node:url';
import type { LabProcess } from '../../../src/cli/lab/lab-process.ts';
import type { Namespace } from '../../../src/cli/lab/namespace.ts';
import { pinnedNode } from '../../../src/cli/lab/pinned-node.ts';
import { until } from '../../../src/cli/lab/until.ts';

/*
 * A machine of nobody's network whose address and port a node may take for those of a peer. Run as a process:
 *
 *   node stranger.ts ADDRESS PORT     prints `ready`, then each datagram that it received, as hex
 *
 * It answers each with the same again, with what would be the response if it were a request and the MAC were right, with bytes
 * of no meaning, and with all that it heard before.
 */

const TOOL = fileURLToPath(import.meta.url);
const REMEMBERED = 16;
/** Tunnel Response: its kind, and where it says who was seen: family, 16 bytes of address, port (protocol.md 6.1). */
const RESPONSE = { kind: 0x39, bytes: 94, seen: 43 } as const;

/** The stranger as the test sees it. */
export class Stranger {
  readonly #process: LabProcess;

  private constructor(process: LabProcess) {
    this.#process = process;
  }

  static async start(at: Namespace, address: string, port: number): Promise<Stranger> {
    const process = at.start([pinnedNode(), TOOL, address, `${port}`], { seconds: 600 });
    await until(
      () => `the stranger: ${process.stderr()}`,
      () => process.stdout().includes('ready'),
    );
    return new Stranger(process);
  }

  /** All that it received, whole. */
  heard(): Buffer[] {
    const lines = this.#process.stdout().split('\n').slice(1, -1);
    return lines.map((line) => Buffer.from(line, 'hex'));
  }
}

function answerAll(address: string, port: number): void {
  const socket = createSocket('udp4');
  const before: Buffer[] = [];
  socket.on('message', (message, from) => {
    console.log(message.toString('hex'));
    for (const each of [message, forged(message, from), randomBytes(message.length), ...before])
      socket.send(each, from.port, from.address);
    before.push(message);
    if (before.length > REMEMBERED) before.shift();
  });
  socket.bind(port, address, () => console.log('ready'));
}

/** All of a response that can be had without the key. */
function forged(request: Buffer, from: RemoteInfo): Buffer {
  const made = Buffer.from(request);
  made[0] = RESPONSE.kind;
  if (made.length !== RESPONSE.bytes) return made;
  const host = from.address.split('.').map(Number);
  made.set([4, ...new Uint8Array(12), ...host, from.port >> 8, from.port & 0xff], RESPONSE.seen);
  return made;
}

if (process.argv[1] === TOOL) answerAll(process.argv[2] ?? '', Number(process.argv[3]));
