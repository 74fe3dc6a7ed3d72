import { closeSync, openSync, writeSync } from 'node:fs';
import type { Command } from 'commander';
import type { CaptureAnswer } from '../../api/questions.ts';
import { GscipError } from '../../base/errors.ts';
import { type AgentOptions, agentFlags } from '../agent-options.ts';
import { confirmReach } from '../confirm.ts';
import { watch } from '../control-client.ts';
import { needRoot } from '../need-root.ts';
import { wholeNumber } from '../numbers.ts';
import { examples, printJson } from '../output.ts';
import { pcapngHeader, pcapngPacket } from './pcapng.ts';

const MIB = 1 << 20;

interface CaptureOptions extends AgentOptions {
  readonly seconds: number;
  readonly maxSize: number;
  readonly out?: string;
  readonly yes?: boolean;
}

/** `gscip debug capture` */
export function defineCapture(command: Command): void {
  agentFlags(command.argument('<peer>', 'a peer, by its name or overlay address'))
    .option('--seconds <n>', 'how long', wholeNumber(1, 3_600), 30)
    .option('--max-size <MIB>', 'how much of packets at most', wholeNumber(1, 1_024), 64)
    .option('--out <FILE>', 'the file to write, which must not be there yet (default: gscip-PEER-TIME.pcapng here)')
    .option('--yes', 'do not ask')
    .action(capture);
  examples(command, [
    ['sudo gscip debug capture laptop --seconds 10', 'asks first; then what went to and came from this peer, in clear'],
    ['sudo gscip debug capture laptop --yes --out laptop.pcapng', 'for scripts; Wireshark and tcpdump -r read it'],
  ]);
}

async function capture(peer: string, options: CaptureOptions): Promise<void> {
  needRoot('what peers say to each other is for root alone');
  const { seconds, maxSize, socket } = options;
  const harm = `the file would hold the decrypted packets between this machine and ${peer}, with whatever is said in them`;
  await confirmReach(
    { question: `For ${seconds} s ${harm.replace('would hold', 'will hold')}. Go on?`, harm },
    options,
  );
  const stamp = new Date().toISOString().replace(/[-:]|\..*$/g, '');
  const name = options.out ?? `gscip-${peer.replace(/[^A-Za-z0-9._-]/g, '_')}-${stamp}.pcapng`;
  const file = new CaptureFile(name);
  const request = { verb: 'capture', peer, seconds, bytes: maxSize * MIB } as const;
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  try {
    await watch<CaptureAnswer>(socket, request, (answer) => file.take(answer), stop.signal);
  } finally {
    file.close();
  }
  const { packets, missed, end } = file;
  if (options.json) return printJson({ file: name, packets, missed, end });
  console.log(
    `${name}: ${packets} packets (${END_TEXTS[end] ?? end})${missed > 0 ? `, ${missed} more were missed` : ''}.`,
  );
  console.log('It holds what was said in clear: delete it when it has served its purpose.');
}

const END_TEXTS: Readonly<Record<string, string>> = {
  time: 'the time is over',
  size: 'as many bytes as were asked for',
  'agent-stopped': 'the agent has stopped',
  stopped: 'ended here',
};

/** Made with the first answer: a refusal leaves no file. */
class CaptureFile {
  readonly #name: string;
  #file: number | undefined;
  packets = 0;
  missed = 0;
  end = 'stopped';

  constructor(name: string) {
    this.#name = name;
  }

  take(answer: CaptureAnswer): void {
    if ('end' in answer) {
      this.end = answer.end;
      this.missed = answer.missed;
      this.#write(new Uint8Array());
      return;
    }
    this.packets += 1;
    this.#write(pcapngPacket(Buffer.from(answer.bytes, 'base64'), answer.length, answer.at, answer.direction));
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
  }

  #write(bytes: Uint8Array): void {
    try {
      if (this.#file === undefined) {
        this.#file = openSync(this.#name, 'wx', 0o600);
        writeSync(this.#file, pcapngHeader('decrypted by "gscip debug capture"', 'gscip'));
      }
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#file, bytes, at);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new GscipError(
        'capture-failed',
        `cannot write ${this.#name}: ${why}`,
        'name another file with --out',
        cause,
      );
    }
  }
}
