import { WebSocket } from 'ws';
import { MAX_RECORD } from '../../crypto/noise-channel-records.ts';
import type { Dial } from '../server-dial.ts';
import type { ConnectionCalls, LinkConnection } from './link-shell.ts';

/** Bytes that wait for a server which does not read; then the connection is given up. */
const MAX_BACKLOG = 8 << 20;
const CONNECTING = 8_000;
/** An HTTP server that is none of ours, or of another release. */
const NO_DOOR = /^Unexpected server response: 404$/;

/**
 * One WebSocket to a server. Its TLS certificate is not looked at: TLS is here to pass through networks, and the handshake
 * inside proves who the server is (protocol.md 11). After `close`, nothing is called any more.
 */
export class LinkSocket implements LinkConnection {
  readonly #socket: WebSocket;
  readonly #waiting: Uint8Array[] = [];
  #over = false;

  constructor(address: string, { frame, closed }: ConnectionCalls, dial?: Dial) {
    this.#socket = new WebSocket(`wss://${address}/node/1`, {
      rejectUnauthorized: false,
      handshakeTimeout: CONNECTING,
      maxPayload: MAX_RECORD,
      perMessageDeflate: false,
      createConnection: dial,
    });
    this.#socket.binaryType = 'nodebuffer';
    let why = 'the connection was closed';
    this.#socket.on('open', () => this.#flush());
    this.#socket.on('message', (data, isBinary) => {
      if (this.#over) return;
      if (isBinary && data instanceof Uint8Array) frame(new Uint8Array(data));
      else this.#socket.terminate();
    });
    this.#socket.on('error', (error) => {
      why = NO_DOOR.test(error.message) ? 'it has no door for nodes of this release (/node/1)' : error.message || why;
    });
    this.#socket.on('close', () => {
      if (!this.#over) closed(why);
      this.#over = true;
    });
  }

  send(frames: readonly Uint8Array[]): void {
    this.#waiting.push(...frames);
    if (this.#socket.readyState === WebSocket.OPEN) this.#flush();
  }

  close(): void {
    this.#over = true;
    this.#socket.close();
    setTimeout(() => this.#socket.terminate(), 1_000).unref();
  }

  #flush(): void {
    for (const frame of this.#waiting.splice(0)) this.#socket.send(frame);
    if (this.#socket.bufferedAmount > MAX_BACKLOG) this.#socket.terminate();
  }
}
