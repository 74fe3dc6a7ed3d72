import { randomBytes } from 'node:crypto';
import { WebSocket } from 'ws';
import type { Enrolled } from '../../../src/api/channel/enrol-message.ts';
import type { ServerMessage } from '../../../src/api/channel/server-message.ts';
import type { JoinToken } from '../../../src/api/join-token.ts';
import { unixSeconds } from '../../../src/base/brands.ts';
import { type PathAddress, pathAddress } from '../../../src/base/path-address.ts';
import { decodeBundle, decodeEnvelope } from '../../../src/crypto/bundle.ts';
import { nodeProvider } from '../../../src/crypto/node-provider.ts';
import { type ChannelEvent, type ChannelPlan, NodeChannel } from '../../../src/node/server-link/channel.ts';

const tools = {
  provider: nodeProvider,
  random: (length: number) => new Uint8Array(randomBytes(length)),
  corrected: () => unixSeconds(Date.now() / 1000),
};

/** A node's channel over a real connection: what came, and a way to wait for more. */
class Line {
  readonly #socket: WebSocket;
  readonly channel: NodeChannel;
  readonly events: ChannelEvent[] = [];
  readonly closed: Promise<number>;
  #wake: () => void = () => undefined;

  constructor(port: number, plan: ChannelPlan) {
    this.channel = new NodeChannel(tools, plan);
    this.#socket = new WebSocket(`wss://127.0.0.1:${port}/node/1`, { rejectUnauthorized: false });
    this.#socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => this.#socket.once('close', (code) => resolve(code)));
    this.#socket.on('message', (data) => {
      if (!(data instanceof Buffer)) return;
      for (const event of this.channel.handleFrame(new Uint8Array(data))) {
        if (event.kind === 'send') this.send(event.frames);
        else this.events.push(event);
        // a node that does not say what it took is not sent more for ever
        if (event.kind === 'message' && event.message.type === 'update')
          this.send(this.channel.send({ type: 'received', number: numberOf(event.message.bundle) }));
      }
      this.#wake();
    });
  }

  send(frames: readonly Uint8Array[]): void {
    for (const frame of frames) this.#socket.send(frame);
  }

  /** The next event that something is found in. */
  async next<T>(find: (event: ChannelEvent) => T | undefined): Promise<T> {
    for (;;) {
      for (let event = this.events.shift(); event !== undefined; event = this.events.shift()) {
        const found = find(event);
        if (found !== undefined) return found;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  end(): void {
    this.#socket.terminate();
  }
}

function numberOf(bundle: Uint8Array): number {
  const envelope = decodeEnvelope(bundle);
  const decoded = typeof envelope === 'string' ? envelope : decodeBundle(envelope.body);
  if (typeof decoded === 'string') throw new Error(decoded);
  return decoded.number;
}

/** A machine that joins by a token and then holds a session. */
export class TestNode {
  readonly #port: number;
  readonly #edSeed = tools.random(32);
  readonly #endpoints: readonly PathAddress[];
  readonly name: string;
  #enrolled: { readonly answer: Enrolled; readonly gmsKey: Uint8Array } | undefined;
  #line: Line | undefined;

  constructor(port: number, name: string, endpoints: readonly string[] = []) {
    this.#port = port;
    this.name = name;
    this.#endpoints = endpoints.map(pathAddress);
  }

  /** The name that it got, or the code of the refusal. */
  async join(token: JoinToken): Promise<string> {
    const line = new Line(this.#port, { purpose: 'enrol', token, edSeed: this.#edSeed, name: this.name });
    const result = await line.next((event) => {
      if (event.kind === 'enrolled') this.#enrolled = event;
      if (event.kind === 'enrol-refused') return event.refused.code;
      return event.kind === 'enrolled' ? event.answer.name : event.kind === 'over' ? event.fault : undefined;
    });
    line.end();
    return result;
  }

  /** What it needs to speak to others than the group management server. */
  identity() {
    if (this.#enrolled === undefined) throw new Error('not enrolled');
    const { answer, gmsKey } = this.#enrolled;
    return { edSeed: this.#edSeed, caPart: answer.caPart, gmsKey };
  }

  connect(): void {
    if (this.#enrolled === undefined) throw new Error('not enrolled');
    const { answer, gmsKey } = this.#enrolled;
    const have = { number: 0, groups: [] };
    const where = { udpPort: 47_247, endpoints: this.#endpoints };
    const hello = () => ({ release: '1', formats: [1], have, fetch: 'start', alwaysOn: true, ...where }) as const;
    this.#line = new Line(this.#port, {
      purpose: 'session',
      gmsKey,
      edSeed: this.#edSeed,
      caPart: answer.caPart,
      hello,
    });
  }

  /** Waits for the next message of a type. */
  message<T extends ServerMessage['type']>(type: T): Promise<ServerMessage & { readonly type: T }> {
    const isIt = (message: ServerMessage): message is ServerMessage & { readonly type: T } => message.type === type;
    return this.#open().next((event) => {
      if (event.kind === 'over') throw new Error(event.fault);
      return event.kind === 'message' && isIt(event.message) ? event.message : undefined;
    });
  }

  closed(): Promise<number> {
    return this.#open().closed;
  }

  end(): void {
    this.#line?.end();
  }

  #open(): Line {
    if (this.#line === undefined) throw new Error('not connected');
    return this.#line;
  }
}
