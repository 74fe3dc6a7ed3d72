import { createSocket, type Socket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { unixSeconds } from '../../src/base/brands.ts';
import { fillDomainRing, openBundle } from '../../src/crypto/bundle-verify.ts';
import { DomainRing } from '../../src/crypto/domain-ring.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { Attacker, type Sending } from '../node/attack/attacker.ts';
import type { DomainSecrets, Passing } from '../node/attack/forgery.ts';

/*
 * The wire between real nodes, with the seeded attacker of test/node/attack on it: each node is told that its peers are at
 * this process, which has a socket for each of them on the node's own link.
 *
 *   node attacked-wire.ts CONFIG      prints "ready"; then, for each line of its input:
 *   attack SEED                       from now on the attacker does as that seed says
 *   stop                              everything passes again; prints one line of JSON: how often each deed was done
 */
export interface WireConfig {
  readonly nodes: readonly WireEnd[];
  /** an address of this machine inside a member's network, from which datagrams may seem to come */
  readonly inside: string;
  /** bundle of a node that is enrolled and in none of the groups: its domain keys are the attacker's */
  readonly bundle: string;
}

export interface WireEnd {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** this machine's address on the node's link */
  readonly facing: string;
}

/** Where a node finds its peer on the wire. */
export function wirePort(node: number, peer: number): number {
  return 30_000 + 10 * node + peer;
}

const IDLE = 100;
const MOVED = 1_000;

class Wire {
  readonly #nodes: readonly WireEnd[];
  readonly #domain: DomainSecrets;
  readonly #past: Passing[] = [];
  /** by who hears it, whom it stands for, and whether it is that one's usual address */
  readonly #sockets = new Map<string, Socket>();
  #attacker: Attacker | undefined;

  constructor({ nodes, inside, bundle }: WireConfig) {
    this.#nodes = nodes;
    this.#domain = domainOf(bundle);
    nodes.forEach((node, at) => {
      nodes.forEach((peer, place) => {
        if (node === peer) return;
        const port = wirePort(at, place);
        this.#open(node, peer, 'own', node.facing, port);
        this.#open(node, peer, 'moved', place % 2 === 0 ? inside : node.facing, port + MOVED);
      });
      this.#open(node, undefined, 'strange', node.facing, 4_444);
    });
    setInterval(() => this.#attacker && this.#carryOut(this.#attacker.idle(performance.now())), IDLE);
  }

  attack(seed: number): void {
    this.#attacker = new Attacker(seed, seed % 2 === 0 ? this.#domain : undefined, this.#past);
  }

  stop(): object {
    const deeds = this.#attacker?.deeds ?? {};
    this.#attacker = undefined;
    return deeds;
  }

  #open(hearer: WireEnd, as: WireEnd | undefined, source: Sending['source'], address: string, port: number): void {
    const socket = createSocket('udp4');
    socket.on('error', () => undefined);
    socket.on('message', (bytes) => {
      // an attacker's own address leads nowhere once he has gone
      if (as && (source === 'own' || this.#attacker)) this.#meet({ from: hearer.name, to: as.name, bytes });
    });
    socket.bind(port, address);
    this.#sockets.set(`${hearer.name} ${as?.name ?? ''} ${source}`, socket);
  }

  #meet(passing: Passing): void {
    if (this.#attacker) return this.#carryOut(this.#attacker.handle(passing, performance.now()));
    this.#past.push({ ...passing, bytes: passing.bytes.slice() });
    if (this.#past.length > 400) this.#past.shift();
    this.#send({ ...passing, after: 0, source: 'own' });
  }

  #carryOut(sendings: readonly Sending[]): void {
    for (const each of sendings)
      if (each.after === 0) this.#send(each);
      else setTimeout(() => this.#attacker && this.#send(each), each.after);
  }

  #send({ from, to, bytes, source }: Sending): void {
    const hearer = this.#nodes.find(({ name }) => name === to);
    const socket = this.#sockets.get(`${to} ${source === 'strange' ? '' : from} ${source}`);
    if (hearer && bytes.length > 0) socket?.send(bytes, hearer.port, hearer.address, () => undefined);
  }
}

function domainOf(path: string): DomainSecrets {
  const now = unixSeconds(Math.floor(Date.now() / 1000));
  const verified = openBundle(nodeProvider, readFileSync(path), now);
  if (typeof verified === 'string') throw new Error(verified);
  const ring = new DomainRing();
  fillDomainRing(nodeProvider, ring, verified.bundle);
  return ring.versions(now)[0];
}

const [file] = process.argv.slice(2);
if (file !== undefined && process.argv[1]?.endsWith('attacked-wire.ts')) {
  const wire = new Wire(JSON.parse(readFileSync(file, 'utf8')));
  createInterface(process.stdin).on('line', (line) => {
    const [verb, seed] = line.split(' ');
    if (verb === 'attack') wire.attack(Number(seed));
    else console.log(JSON.stringify(wire.stop()));
  });
  setTimeout(() => console.log('ready'), 200);
}
