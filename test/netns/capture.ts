import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from '../../src/cli/lab/lab.ts';
import type { LabProcess } from '../../src/cli/lab/lab-process.ts';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import { until } from '../../src/cli/lab/until.ts';
import { compiled } from './compiled.ts';

/** One captured packet: when, and its bytes from the link layer on (Ethernet; on a TUN device from the IP header on). */
export interface CapturedPacket {
  readonly seconds: number;
  readonly bytes: Uint8Array;
}

const FILE_HEADER = 24;
const PACKET_HEADER = 16;

/** A running capture of one device. */
class Capture {
  readonly #process: LabProcess;
  /** the pcap file, readable with tcpdump while the lab is open */
  readonly file: string;

  constructor(process: LabProcess, file: string) {
    this.#process = process;
    this.file = file;
  }

  /** What has been seen so far, in order; a packet that is only half written is left for the next look. */
  packets(): CapturedPacket[] {
    return decodePcap(readFileSync(this.file));
  }

  /** Ends it and returns everything it saw. */
  async stop(): Promise<CapturedPacket[]> {
    await this.#process.stop();
    return this.packets();
  }
}

/** Starts to capture whole packets on a device, in both directions, and returns once it listens. */
export async function capture(lab: Lab, namespace: Namespace, device: string): Promise<Capture> {
  const file = join(lab.folder, `${namespace.label}-${device}-${performance.now()}.pcap`);
  const process = namespace.start([compiled('test/netns/capture.cc'), device, file], { seconds: 600 });
  await until(`the capture on ${device} in ${namespace.label}`, () => process.stdout().includes('listening'));
  return new Capture(process, file);
}

/** Reads the classic pcap format as this machine writes it: little endian, microseconds. */
function decodePcap(file: Buffer): CapturedPacket[] {
  const packets: CapturedPacket[] = [];
  for (let at = FILE_HEADER; at + PACKET_HEADER <= file.length; ) {
    const length = file.readUInt32LE(at + 8);
    const end = at + PACKET_HEADER + length;
    if (end > file.length) break;
    packets.push({
      seconds: file.readUInt32LE(at) + file.readUInt32LE(at + 4) / 1e6,
      bytes: file.subarray(at + PACKET_HEADER, end),
    });
    at = end;
  }
  return packets;
}
