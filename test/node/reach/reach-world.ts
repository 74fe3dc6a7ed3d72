import { type Millis, millis, type NodeId } from '../../../src/base/brands.ts';
import { utf8 } from '../../../src/base/bytes.ts';
import { DATAGRAM } from '../../../src/base/datagram-kinds.ts';
import { formatPath, type PathAddress, parsePath, pathAddress } from '../../../src/base/path-address.ts';
import { MESSAGE } from '../../../src/base/primitives.ts';
import { nodeProvider as provider } from '../../../src/crypto/node-provider.ts';
import type { KeyPair } from '../../../src/crypto/provider.ts';
import { NAT_KIND } from '../../../src/nat/constants.ts';
import { hostOf } from '../../../src/nat/outer-address.ts';
import { tunnelPath } from '../../../src/nat/tunnel-address.ts';
import type { OwnAddresses } from '../../../src/node/reach/own-addresses.ts';
import { Coordinator } from '../../../src/server/dc/coordinator.ts';
import type { DcSocket } from '../../../src/server/dc/dc-effects.ts';
import { OWN_RELAY, type RelaySite } from '../../../src/server/dc/relay-sites.ts';
import { wordsOf } from '../../../src/server/relay/channels.ts';
import { Relay } from '../../../src/server/relay/relay.ts';
import { RELAY_RATES } from '../../../src/server/relay/relay-limits.ts';
import { relayWalk } from '../../../src/server/relay/relay-walk.ts';
import { eachRun } from '../../../src/udp/relay-runs.ts';
import { type LinkQuality, type Packet, type Realm, SimNetwork } from '../../nat/sim-network.ts';
import { GOOD_LINK, type Place } from '../../nat/sim-world.ts';
import { numbered } from '../packets.ts';
import { type Sent, SimNode, World } from '../world.ts';

const HOST = '198.51.100.1';
export const MAIN = pathAddress(`${HOST}:47247`);
export const RELAY = pathAddress(`${HOST}:47249`);
const [PORT, SPARE] = [47_247, 47_300];
const TICK = 10;
const OVERLAY = [{ address: Uint8Array.of(100, 64, 0, 0), length: 10 }];

/** A server's coordinator and relay on one machine of the network in memory. */
export class ReachServer {
  readonly keys: KeyPair;
  readonly counters = new Map<string, number>();
  readonly #host: string;
  readonly #main: PathAddress;
  readonly #otherPort: PathAddress;
  readonly #relayPath: PathAddress;
  readonly #relaySecret: Uint8Array;
  readonly #network: SimNetwork;
  readonly #world: World;
  readonly #caPublic: Uint8Array;
  #calls = 0;
  #coordinator: Coordinator;
  #relay: Relay;
  readonly #tunnels = new Map<PathAddress, (bytes: Uint8Array) => void>();
  isDown = false;
  isRelayDown = false;
  /** whose relay this coordinator names beside its own */
  #neighbour: ReachServer | undefined;

  constructor(network: SimNetwork, world: World, caPublic: Uint8Array, host = HOST) {
    this.#network = network;
    this.#world = world;
    this.#caPublic = caPublic;
    this.#host = host;
    [this.#main, this.#otherPort, this.#relayPath] = [47_247, 47_248, 47_249].map((port) =>
      pathAddress(`${host}:${port}`),
    );
    this.keys = provider.x25519KeyPair(provider.sha256(utf8(`coordinator ${host}`)));
    this.#relaySecret = provider.sha256(utf8(`relay ${host}`));
    [this.#coordinator, this.#relay] = [this.#newCoordinator(), this.#newRelay()];
    network.internet.attach(host, this);
    const tick = () => {
      this.#coordinator.tick(this.#moment());
      this.#relay.tick(network.now);
      this.#carryOut();
      network.at(network.now + 100, tick);
    };
    network.at(network.now, tick);
  }

  get place() {
    return { key: this.keys.publicKey, endpoints: [this.#main], tunnels: [`${this.#host}:47247`] };
  }

  /** A node's tunnel: it hears what is sent to that address. */
  tunnelOf(path: PathAddress, take: (bytes: Uint8Array) => void): void {
    this.#tunnels.set(path, take);
  }

  /** A datagram out of a tunnel. */
  handleTunnelled(bytes: Uint8Array, from: PathAddress): void {
    if (this.isDown) return;
    if (bytes[0] === DATAGRAM.frame || bytes[0] === NAT_KIND.bind) {
      this.#relay.handleTunnelled(bytes.slice(), from, this.#network.now);
    } else this.#coordinator.handleDatagram(bytes, from, 'tunnel', this.#moment());
    this.#carryOut();
  }

  #out(packet: Packet): void {
    const tunnel = this.#tunnels.get(packet.to);
    if (tunnel) this.#network.at(this.#network.now + 20, () => tunnel(packet.bytes));
    else this.#network.internet.send(packet);
  }

  get forwarded(): number {
    return this.#relay.forwardedDatagrams;
  }

  /** Everything that it knew of its nodes is gone. */
  restart(): void {
    [this.#coordinator, this.#relay] = [this.#newCoordinator(), this.#newRelay()];
  }

  /** Another server's relay is one of this coordinator's from now on. */
  adopt(neighbour: ReachServer): void {
    this.#neighbour = neighbour;
    this.restart();
  }

  restartRelay(): void {
    this.#relay = this.#newRelay();
  }

  handlePacket({ from, to, bytes }: Packet): void {
    if (this.isDown) return;
    if (to === this.#relayPath) this.#relayed(from, bytes);
    else this.#coordinator.handleDatagram(bytes, from, to === this.#otherPort ? 'other-port' : 'main', this.#moment());
    this.#carryOut();
  }

  #relayed(from: PathAddress, bytes: Uint8Array): void {
    if (this.isRelayDown) return;
    const rows = new Int32Array(MESSAGE.stride);
    const { family, address, port } = parsePath(from);
    rows[MESSAGE.length] = bytes.length;
    rows[MESSAGE.segment] = bytes.length;
    rows[MESSAGE.family] = family;
    rows.set(wordsOf(address), MESSAGE.address);
    rows[MESSAGE.port] = port;
    this.#relay.handleMessages(bytes, rows, 1, false, this.#network.now);
  }

  #carryOut(): void {
    for (const effect of this.#coordinator.takeEffects())
      if (effect.kind === 'send')
        this.#out({ bytes: effect.bytes, to: effect.to, from: this.#socketPath(effect.socket) });
      else if (effect.kind === 'allow')
        this.#relayCalled(effect.relay).allow(effect.channel, effect.nodes, this.#network.now);
      else this.#count(effect.name, 1);
  }

  #relayCalled(name: string): Relay {
    return name === OWN_RELAY || !this.#neighbour ? this.#relay : this.#neighbour.#relay;
  }

  #count(name: string, by: number): void {
    this.counters.set(name, (this.counters.get(name) ?? 0) + by);
  }

  #moment() {
    return { now: this.#network.now, time: this.#world.wall() };
  }

  #deps() {
    const members = { isActive: () => true, shareGroup: () => true, nodeAt: () => undefined };
    const place = {
      overlay: OVERLAY,
      sockets: [this.#main, this.#otherPort, this.#relayPath],
      allowPrivate: false,
      allowLoopback: false,
    };
    const relaySecret = this.#relaySecret;
    const random = (length: number) => provider.hkdfExpand(relaySecret, utf8(`random ${++this.#calls}`), length);
    return { provider, random, members, place, relaySecret };
  }

  #newCoordinator(): Coordinator {
    const { keys } = this;
    const sites = [this.#site(OWN_RELAY)];
    if (this.#neighbour) sites.push(this.#neighbour.#site('neighbour'));
    const told = { vantages: [this.#main, this.#otherPort], relays: () => sites, hasOtherAddress: false };
    return new Coordinator({ ...this.#deps(), keys, caPublic: this.#caPublic, ...told }, this.#network.now);
  }

  #site(name: string): RelaySite {
    return { name, endpoints: [this.#relayPath], secret: this.#relaySecret };
  }

  #newRelay(): Relay {
    return new Relay(
      this.#deps(),
      RELAY_RATES,
      {
        walk: relayWalk,
        forward: (arena, runs, count, ends) => {
          for (const { offset, length, address, port } of eachRun(runs, count, ends)) {
            const to = formatPath(address.length === 4 ? 4 : 6, address, port);
            this.#out({ from: this.#relayPath, to, bytes: arena.slice(offset, offset + length) });
          }
        },
        answer: (bytes, to) => this.#out({ from: this.#relayPath, to, bytes }),
        count: (name, by) => this.#count(name, by),
      },
      this.#network.now,
    );
  }

  #socketPath(socket: DcSocket): PathAddress {
    return socket === 'other-port' ? this.#otherPort : this.#main;
  }
}

/** A whole node somewhere in the network in memory. */
export class ReachNode {
  readonly sim: SimNode;
  readonly #network: SimNetwork;
  readonly #world: World;
  readonly #server: () => ReachServer | undefined;
  /** relays that it reaches through the tunnel only */
  readonly #detours = new Set<PathAddress>();
  #tunnel: PathAddress | undefined;
  #logged = 0;
  /** its process does nothing before this time; what comes meanwhile waits */
  #stoodUntil: Millis = millis(0);
  #realm: Realm;
  #address: string;

  constructor(
    network: SimNetwork,
    world: World,
    name: string,
    [realm, address]: readonly [Realm, string],
    server: () => ReachServer | undefined,
  ) {
    this.#server = server;
    this.#network = network;
    this.#world = world;
    this.#realm = realm;
    this.#address = address;
    this.sim = new SimNode(world, name, this.#path(PORT), { served: true });
    realm.attach(address, this);
    this.#learn();
    const tick = () => {
      if (this.#waits(tick)) return;
      this.#run(() => this.sim.tick(network.now));
      network.at(network.now + TICK, tick);
    };
    network.at(network.now, tick);
  }

  /** Its process gets no time for so long. */
  standStill(duration: number): void {
    this.#stoodUntil = millis(this.#network.now + duration);
  }

  get id(): NodeId {
    return this.sim.keys.self().id;
  }

  get reach() {
    return this.sim.engine.reach;
  }

  pathTo(peer: ReachNode): PathAddress | undefined {
    return this.sim.engine.node.paths.peer(peer.id).current;
  }

  reasonFor(peer: ReachNode): string | undefined {
    return this.reach.report(peer.id, this.#network.now)?.reason;
  }

  /** What is said at the start of every session with a server: who coordinates. */
  meet(...servers: readonly ReachServer[]): void {
    this.#run(() => {
      this.reach.setCoordinators(
        servers.map(({ place }) => place),
        this.#network.now,
      );
      return this.sim.carryOut();
    });
  }

  send(to: ReachNode, number: number): void {
    if (this.#waits(() => this.send(to, number))) return;
    this.#run(() => this.sim.send([numbered(this.sim, to.sim, number)], this.#network.now));
  }

  /** Another network: the old address is gone at once. */
  move([realm, address]: readonly [Realm, string]): void {
    this.#realm.detach(this.#address);
    [this.#realm, this.#address] = [realm, address];
    this.sim.path = this.#path(PORT);
    realm.attach(address, this);
    this.#learn();
    this.#run(() => this.sim.carryOut());
  }

  handlePacket(packet: Packet): void {
    if (this.#waits(() => this.handlePacket(packet))) return;
    const { from, to, bytes } = packet;
    this.#run(() => {
      if (parsePath(to).port !== SPARE) return this.sim.receive(bytes, from, this.#network.now);
      this.reach.handleSpare(bytes, this.#network.now);
      return this.sim.carryOut();
    });
  }

  /** What comes while it stands still happens behind that, in the order in which it came. */
  #waits(act: () => void): boolean {
    const isStill = this.#network.now < this.#stoodUntil;
    if (isStill) this.#network.at(this.#stoodUntil, act);
    return isStill;
  }

  #learn(): void {
    const { address } = parsePath(this.#path(PORT));
    const own: OwnAddresses = {
      port: PORT,
      network: address.join('.'),
      interfaces: [{ address, length: address.length === 4 ? 24 : 64 }],
      mapped: [],
    };
    this.reach.setAddresses(own, OVERLAY, this.#network.now);
  }

  #run(act: () => readonly Sent[]): void {
    this.#world.now = this.#network.now;
    const sent = act();
    this.#followTunnel();
    for (const { bytes, to, spare, tunnel } of sent) {
      if (tunnel || this.#detours.has(to)) {
        this.#network.at(
          this.#network.now + 20,
          () => this.#tunnel && this.#server()?.handleTunnelled(bytes, this.#tunnel),
        );
        continue;
      }
      if (hostOf(to) === this.#address) continue;
      const from = this.#path(spare ? SPARE : PORT);
      if (parsePath(from).family !== parsePath(to).family) continue;
      this.#network.sent.push({ at: this.#network.now, packet: { from, to, bytes } });
      this.#realm.send({ from, to, bytes });
    }
  }

  /** What the shell does about tunnels: they are up at once. */
  #followTunnel(): void {
    const news = this.sim.log.slice(this.#logged);
    this.#logged = this.sim.log.length;
    for (const effect of news) {
      if (effect.kind === 'tunnel' && effect.wanted) {
        const own = tunnelPath(Uint8Array.of(1, 2, 3, 4, 5, 6), Number.parseInt(this.id.slice(0, 4), 16) + 1);
        this.#tunnel = own;
        this.#server()?.tunnelOf(own, (bytes) =>
          this.handlePacket({
            from: bytes[0] === NAT_KIND.welcome || bytes[0] === NAT_KIND.signal ? MAIN : RELAY,
            to: this.sim.path,
            bytes,
          }),
        );
      } else if (effect.kind === 'tunnel') this.#tunnel = undefined;
      else if (effect.kind === 'detour' && effect.id !== undefined) this.#detours.add(effect.relay);
      else if (effect.kind === 'detour') this.#detours.delete(effect.relay);
    }
  }

  #path(port: number): PathAddress {
    const { family, address } = parsePath(
      pathAddress(this.#address.includes(':') ? `[${this.#address}]:1` : `${this.#address}:1`),
    );
    return formatPath(family, address, port);
  }
}

export interface ReachWorld {
  readonly network: SimNetwork;
  readonly server: ReachServer;
  /** coordinates as well, with a relay of its own; nobody has met it yet */
  readonly second: ReachServer;
  readonly a: ReachNode;
  readonly b: ReachNode;
}

const BEGIN: Millis = millis(10_000);

/** Two nodes at these places, which know the coordinator and, after three seconds, are known to it. */
export function reachWorld(one: Place, other: Place, seed = 1, quality: LinkQuality = GOOD_LINK): ReachWorld {
  const network = new SimNetwork(seed, { ...quality, loss: 0 });
  network.now = BEGIN;
  const world = new World(`reach ${seed}`);
  world.authority.group('office');
  for (const name of ['a', 'b']) world.authority.add(name, ['office']);
  world.authority.served = { retain: 'migrate', lease: 86_400 };
  const net: { server?: ReachServer } = {};
  const [a, b] = [one, other].map(
    (place, at) => new ReachNode(network, world, at === 0 ? 'a' : 'b', place(network, at + 1), () => net.server),
  );
  const [ca] = a.sim.keys.authorities();
  if (!ca) throw new Error('no authority');
  const server = new ReachServer(network, world, ca);
  const second = new ReachServer(network, world, ca, '198.51.100.2');
  net.server = server;
  for (const node of [a, b]) node.meet(server);
  network.run(BEGIN + 3_000);
  network.quality = quality;
  return { network, server, second, a, b };
}
