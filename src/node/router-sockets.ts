import { createSocket, type Socket } from 'node:dgram';
import { request as httpRequest } from 'node:http';
import { type AddressBytes, formatAddress } from '../base/ip-address.ts';
import { type PathAddress, pathAddress } from '../base/path-address.ts';
import { MAPPING_PORT } from '../nat/mapping-message.ts';
import type { MapperPlace } from '../nat/port-mapper.ts';
import { type SoapRequest, SSDP_ADDRESS, SSDP_PORT } from '../nat/upnp-message.ts';

/** What comes from the router's side. */
export interface RouterCalls {
  /** a datagram from the router's mapping port, or an announcement */
  readonly answer: (bytes: Uint8Array, from: PathAddress) => void;
  /** the router says that nobody listens at its mapping port */
  readonly closed: () => void;
  readonly ssdp: (text: string, source: string) => void;
}

/** Where routers say that they started again (RFC 6886 3.2.1, RFC 6887 14.1.1). */
const ANNOUNCED = { address: '224.0.0.1', port: 5350 } as const;
const SSDP_HOPS = 2;
const HTTP_MS = 3_000;
const HTTP_BYTES = 65_536;

/**
 * The sockets by which a router is asked for a mapping, all bound to this node's address towards it. None of them takes a
 * datagram that another host could not have sent anyway: what is believed is decided by the mapper.
 */
export class RouterSockets {
  readonly #calls: RouterCalls;
  readonly #asking: Promise<Socket | undefined>;
  readonly #searching: Promise<Socket | undefined>;
  readonly #hearing: Promise<Socket | undefined>;

  constructor({ router, client }: MapperPlace, calls: RouterCalls) {
    this.#calls = calls;
    const [own, other] = [formatAddress(client), formatAddress(router)];
    this.#asking = this.#openAsking(own, other);
    this.#searching = this.#openSearching(own);
    this.#hearing = this.#openHearing(own);
  }

  /** To the router's mapping port; what cannot be sent is as lost. */
  async send(bytes: Uint8Array): Promise<void> {
    const socket = await this.#asking;
    await new Promise<void>((done) => (socket ? socket.send(bytes, () => done()) : done()));
  }

  search(text: string): void {
    void this.#searching.then((socket) => socket?.send(text, SSDP_PORT, SSDP_ADDRESS, () => undefined));
  }

  close(): void {
    for (const opened of [this.#asking, this.#searching, this.#hearing]) void opened.then((socket) => socket?.close());
  }

  /** Connected: the kernel keeps out what comes from elsewhere, and tells of a closed port. */
  async #openAsking(own: string, router: string): Promise<Socket | undefined> {
    const socket = await bound(own, 0);
    if (!socket) return undefined;
    socket.on('error', (error) => 'code' in error && error.code === 'ECONNREFUSED' && this.#calls.closed());
    this.#listen(socket);
    return new Promise((resolve) => {
      socket.connect(MAPPING_PORT, router, () => resolve(socket));
    });
  }

  async #openSearching(own: string): Promise<Socket | undefined> {
    const socket = await bound(own, 0);
    socket?.on('message', (bytes, { address }) => this.#calls.ssdp(bytes.toString('latin1'), address));
    socket?.on('error', () => undefined);
    socket?.setMulticastTTL(SSDP_HOPS);
    socket?.setMulticastInterface(own);
    return socket;
  }

  /** Another program may have it; a restart of the router is then noticed by the next answer. */
  async #openHearing(own: string): Promise<Socket | undefined> {
    const socket = await bound(ANNOUNCED.address, ANNOUNCED.port);
    socket?.on('error', () => undefined);
    if (socket) this.#listen(socket);
    try {
      socket?.addMembership(ANNOUNCED.address, own);
    } catch {
      // every host is a member of this group already
    }
    return socket;
  }

  #listen(socket: Socket): void {
    socket.on('message', (bytes, { address, port }) =>
      this.#calls.answer(new Uint8Array(bytes), pathAddress(`${address}:${port}`)),
    );
  }
}

/** One request to the router; status 0: there was no answer within 3 s, or none of at most 64 KiB. Never follows a redirection. */
export function askRouter(
  method: 'GET' | 'POST',
  { url, headers, body }: SoapRequest,
  client: AddressBytes,
): Promise<{ readonly status: number; readonly body: string }> {
  const length = method === 'POST' ? { 'Content-Length': Buffer.byteLength(body) } : {};
  const options = { host: url.host, port: url.port, path: url.path, method, localAddress: formatAddress(client) };
  return new Promise((resolve) => {
    const none = () => resolve({ status: 0, body: '' });
    const signal = AbortSignal.timeout(HTTP_MS);
    const asked = httpRequest({ ...options, headers: { ...headers, ...length }, agent: false, signal }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > HTTP_BYTES) asked.destroy();
      });
      answer.once('error', none);
      answer.once('close', none);
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, body: text }));
    });
    asked.once('error', none);
    asked.end(method === 'POST' ? body : undefined);
  });
}

/** Undefined where the system does not give it. */
function bound(address: string, port: number): Promise<Socket | undefined> {
  const socket = createSocket({ type: 'udp4', reuseAddr: port !== 0 }).unref();
  return new Promise((resolve) => {
    socket.once('error', () => {
      socket.close();
      resolve(undefined);
    });
    socket.bind({ address, port, exclusive: true }, () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}
