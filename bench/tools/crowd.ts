import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { WebSocket } from 'ws';
import { decodeJoinToken, type JoinToken } from '../../src/api/join-token.ts';
import type { GroupId } from '../../src/base/brands.ts';
import { compareBytes, concat, toHex, utf8 } from '../../src/base/bytes.ts';
import { pathAddress } from '../../src/base/path-address.ts';
import type { VerifiedBundle } from '../../src/crypto/bundle-verify.ts';
import { CRYPTO_LABEL } from '../../src/crypto/labels.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { MAX_RECORD } from '../../src/crypto/noise-channel-records.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import type { Roster } from '../../src/crypto/roster.ts';
import type { ConnectionCalls, LinkConnection } from '../../src/node/server-link/link-shell.ts';
import { SimulatedNode, type Surroundings } from './simulated-node.ts';

/** How far a version of a group has spread: with how many nodes it is, and when the last of them had it. */
export interface Spread {
  readonly version: number;
  readonly count: number;
  readonly lastAt: number;
}

/** Bytes on TCP connections, TLS and all; without the headers of TCP and IP. */
export interface WireBytes {
  readonly down: number;
  readonly up: number;
}

/**
 * Many nodes in one process that speak to a real server over real connections, each from a loopback address of its own, since
 * a server bounds what one address may try. Signatures of roster entries, which all are given alike, are verified once for all
 * of them; everything else by each.
 */
export class Crowd {
  readonly nodes: SimulatedNode[] = [];
  readonly #spreads = new Map<GroupId, Map<number, { readonly nodes: Set<SimulatedNode>; lastAt: number }>>();
  readonly #sockets = new Map<SimulatedNode, Socket>();
  readonly #rosters = new Map<string, WeakRef<Roster>>();
  readonly #world: Surroundings;
  #closedBytes = { down: 0, up: 0 };

  constructor() {
    this.#world = {
      provider: sharingProvider(nodeProvider),
      open: (node, address, calls) => this.#open(node, address, calls),
      every: (interval, act) => {
        const timer = setInterval(act, interval);
        return () => clearInterval(timer);
      },
      shared: (roster) => this.#shared(roster),
      taken: (node, bundle) => this.#taken(node, bundle),
    };
  }

  /** A machine that is not started yet. */
  add(token: string, { alwaysOn = false } = {}): SimulatedNode {
    const number = this.nodes.length;
    const endpoint = pathAddress(`10.${number >> 16}.${(number >> 8) & 255}.${number & 255}:47247`);
    const plan = { number, token: joinToken(token), endpoint, alwaysOn };
    const node = new SimulatedNode(this.#world, plan);
    this.nodes.push(node);
    return node;
  }

  /** How far the newest version of a group has spread among those above another. */
  newest(group: GroupId, above = 0): Spread | undefined {
    const version = Math.max(above, ...(this.#spreads.get(group)?.keys() ?? []));
    const spread = this.#spreads.get(group)?.get(version);
    return version > above && spread ? { version, count: spread.nodes.size, lastAt: spread.lastAt } : undefined;
  }

  get connected(): number {
    return this.nodes.filter((node) => node.isConnected).length;
  }

  bytes(): WireBytes {
    const sum = { ...this.#closedBytes };
    for (const socket of this.#sockets.values()) {
      sum.down += socket.bytesRead;
      sum.up += socket.bytesWritten;
    }
    return sum;
  }

  stop(): void {
    for (const node of this.nodes) node.stop();
  }

  #taken(node: SimulatedNode, { groups }: VerifiedBundle): void {
    for (const { roster, versions } of groups) {
      const spreads = this.#spreads.get(roster.groupId) ?? new Map();
      this.#spreads.set(roster.groupId, spreads);
      for (const { v } of versions) {
        const spread = spreads.get(v) ?? { nodes: new Set(), lastAt: 0 };
        spreads.set(v, spread);
        if (!spread.nodes.has(node)) spread.lastAt = performance.now();
        spread.nodes.add(node);
      }
    }
  }

  #shared(roster: Roster): Roster {
    const head = toHex(roster.head);
    const known = this.#rosters.get(head)?.deref();
    if (known === undefined) this.#rosters.set(head, new WeakRef(roster));
    return known ?? roster;
  }

  #open(node: SimulatedNode, address: string, { frame, closed }: ConnectionCalls): LinkConnection {
    const number = node.number + 1; // a host of its own, and none that ends in zeros alone
    const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(address) ?? [];
    const localAddress = `127.${1 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`;
    const tcp = connectTcp({ host, port: Number(port), localAddress, noDelay: true });
    this.#sockets.set(node, tcp);
    const createConnection = () => connectTls({ socket: tcp, rejectUnauthorized: false });
    const socket = new WebSocket(`wss://${address}/node/1`, {
      createConnection,
      maxPayload: MAX_RECORD,
      perMessageDeflate: false,
    });
    let isOver = false;
    const waiting: Uint8Array[] = [];
    socket.on('open', () => {
      for (const each of waiting.splice(0)) socket.send(each);
    });
    socket.on('message', (data) => {
      if (!isOver && data instanceof Uint8Array) frame(new Uint8Array(data));
    });
    socket.on('error', () => undefined);
    tcp.once('error', () => socket.terminate());
    tcp.once('close', () => this.#forget(node, tcp));
    socket.once('close', () => {
      if (!isOver) closed('closed');
      isOver = true;
    });
    return {
      send: (frames) => {
        if (socket.readyState !== WebSocket.OPEN) waiting.push(...frames);
        else for (const each of frames) socket.send(each);
      },
      close: () => {
        isOver = true;
        socket.terminate();
      },
    };
  }

  #forget(node: SimulatedNode, tcp: Socket): void {
    const { down, up } = this.#closedBytes;
    this.#closedBytes = { down: down + tcp.bytesRead, up: up + tcp.bytesWritten };
    if (this.#sockets.get(node) === tcp) this.#sockets.delete(node);
  }
}

function joinToken(text: string): JoinToken {
  const token = decodeJoinToken(nodeProvider, text);
  if (typeof token === 'string') throw new Error(token);
  return token;
}

/** Verifies a signature of a roster entry once, however many nodes are shown it. */
function sharingProvider(provider: CryptoProvider): CryptoProvider {
  const label = utf8(CRYPTO_LABEL.roster);
  const verified = new Map<string, Uint8Array>();
  return {
    ...provider,
    ed25519Verify(publicKey, message, signature) {
      const isEntry = compareBytes(message.subarray(0, label.length), label) === 0;
      if (!isEntry) return provider.ed25519Verify(publicKey, message, signature);
      const [key, covered] = [toHex(signature), concat(publicKey, message)];
      const known = verified.get(key);
      if (known !== undefined && compareBytes(known, covered) === 0) return true;
      const good = provider.ed25519Verify(publicKey, message, signature);
      if (good) verified.set(key, covered);
      return good;
    },
  };
}
