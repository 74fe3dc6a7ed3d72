import { hostname } from 'node:os';
import type { Holding, NodeEndpoints } from '../../api/channel/node-message.ts';
import type { DirectoryPeer } from '../../api/channel/server-message.ts';
import type { CoordinatorPlace } from '../../api/channel/services.ts';
import { type Millis, type UnixSeconds, unixSeconds } from '../../base/brands.ts';
import { wipe } from '../../base/bytes.ts';
import { GscipError } from '../../base/errors.ts';
import type { PathAddress } from '../../base/path-address.ts';
import { unreachable } from '../../base/unreachable.ts';
import { openBundle, type VerifiedBundle } from '../../crypto/bundle-verify.ts';
import { LeaseClock } from '../../crypto/lease-clock.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import type { AgentConfig } from '../agent-config.ts';
import type { BundleKeys } from '../bundle-keys.ts';
import type { KeyChange } from '../key-store.ts';
import { type ResumedKeys, verifyCachedKeys } from '../resumed-keys.ts';
import type { StateDir } from '../state-dir.ts';
import { nameFrom, openIdentity, writeIdentity } from './identity-store.ts';
import { ServerLink } from './link.ts';
import { decodeLinkCache, encodeLinkCache, type LinkCache, type LinkIdentity } from './link-memory.ts';
import { type LinkNews, type LinkPorts, LinkShell } from './link-shell.ts';
import type { LinkStatus } from './link-state.ts';
import { packageRelease } from './release.ts';
import { type MachineKeys, openSealer, type Sealer } from './sealer.ts';
import type { ServerFacts } from './server-status.ts';

/** What the running node does with the news of its server. */
export interface LinkedSinks {
  /** Keys changed: settles when they are kept and in force. */
  changed(changes: readonly KeyChange[]): Promise<void>;
  /** where the server says that a peer is */
  endpoints(peer: DirectoryPeer): void;
  /** the network's coordinators are these now; also called by `attach` with what came before it */
  services?(coordinators: readonly CoordinatorPlace[]): void;
  /** the server, which had answered, is gone; what runs beside it may be, too */
  lost?(wasReady: boolean): void;
  /** something of it is to be kept */
  keep(): void;
}

export interface LinkedTools extends LinkPorts {
  readonly provider: CryptoProvider;
  random(length: number): Uint8Array;
  wall(): UnixSeconds;
  boot(): Millis;
  /** what the machine itself can seal with */
  readonly machine: MachineKeys;
}

type CacheFacts = Omit<LinkCache, 'keys'>;

const NOTHING: CacheFacts = {
  keysAt: unixSeconds(0),
  endpointsAt: unixSeconds(0),
  lastContact: unixSeconds(0),
  endpoints: {},
};
/** How long a farewell, or an answer to a request for keys, is waited for, in milliseconds. */
const PARTING = 3_000;
const ASKING = 5_000;

/** A node that lives by a server: its identity, what it keeps, and the news that come. Everything on the disk is sealed. */
export class LinkedNode {
  readonly #tools: LinkedTools;
  readonly #state: StateDir;
  readonly #sealer: Sealer;
  readonly #shell: LinkShell;
  /** what leases end by, and what the server says of the time */
  readonly clock: LeaseClock;
  readonly #first = Promise.withResolvers<VerifiedBundle>();
  readonly #attached = Promise.withResolvers<void>();
  readonly #left = Promise.withResolvers<void>();
  #identity: LinkIdentity;
  #isIdentityKept = true;
  #facts: CacheFacts = NOTHING;
  #cached: LinkCache['keys'] | undefined;
  #keys: BundleKeys | undefined;
  #sinks: LinkedSinks | undefined;
  #coordinators: readonly CoordinatorPlace[] = [];
  #own: NodeEndpoints = { udpPort: 0, endpoints: [] };
  #updates: Promise<void> = Promise.resolve();
  /** the server's next answer, for whom waits for one */
  #answer = Promise.withResolvers<void>();
  /** why the last bundle was not taken */
  #refused: string | undefined;
  /** why what was kept was of no use */
  #keptRefused: string | undefined;

  /** `lease`: the lease clock of an earlier run. */
  constructor(config: AgentConfig, state: StateDir, lease: number, tools: LinkedTools) {
    this.#tools = tools;
    this.#state = state;
    const { provider, random, wall, machine } = tools;
    this.#sealer = openSealer(state, { provider, random, machine });
    const { identity, token } = openIdentity(state, this.#sealer, tools, config);
    this.#identity = identity;
    this.#first.promise.catch(() => undefined); // nobody waits for it where keys were kept
    this.#readCache();
    const { lastContact } = this.#facts;
    this.clock = new LeaseClock({ lease: unixSeconds(lease), told: lastContact, at: tools.boot() });
    const deps = {
      ...{ provider, random, wall, corrected: () => this.corrected(), edSeed: identity.edSeed },
      ...{ release: packageRelease(), alwaysOn: config.alwaysOn },
      have: () => this.#have(),
      endpoints: () => this.#own,
    };
    const { servers, enrolment } = identity;
    const name = config.name ?? nameFrom(hostname());
    const start = { servers, enrolment, token, name, lastContact: lastContact === 0 ? undefined : lastContact };
    this.#shell = new LinkShell(new ServerLink(deps, start), tools, (news) => this.#handle(news));
  }

  get edSeed(): Uint8Array {
    return this.#identity.edSeed;
  }

  /** Who takes the node for a member of what; undefined before it was let in. */
  get enrolment(): LinkIdentity['enrolment'] {
    return this.#identity.enrolment;
  }

  /** Where server and coordinators are, as the token and the server say. */
  places(): { readonly servers: readonly string[]; readonly coordinators: readonly CoordinatorPlace[] } {
    return { servers: this.#identity.servers, coordinators: this.#coordinators };
  }

  status(): LinkStatus {
    return this.#shell.status();
  }

  /** What `status` shows of it. */
  facts(): ServerFacts {
    const { keysAt, endpointsAt } = this.#facts;
    const link =
      this.#identity.removed === undefined ? this.status() : { ...this.status(), standing: 'removed' as const };
    const groups = this.#keys?.groups() ?? [];
    return {
      ...{ link, atRest: this.#sealer.atRest, enrolment: this.enrolment },
      ...{ keysAt, endpointsAt, groups, refused: this.#refused },
      keptRefused: this.#keys ? undefined : this.#keptRefused,
      clockBehind: link.clockAhead === undefined ? this.corrected() - this.#tools.wall() : 0,
      leaseClock: this.#keys?.unixNow() ?? this.corrected(),
    };
  }

  corrected(): UnixSeconds {
    return this.clock.corrected(this.#tools.wall(), this.#tools.boot());
  }

  /** Keys of an earlier run, verified again; undefined when there are none that are of use. */
  resume(): ResumedKeys | undefined {
    const cached = this.#cached;
    this.#cached = undefined;
    if (!cached || this.#identity.removed !== undefined) return undefined;
    const { provider, log, wall, boot } = this.#tools;
    const { publicKey } = provider.ed25519KeyPair(this.edSeed);
    const resumed = verifyCachedKeys(provider, cached, publicKey, this.clock.reading(wall(), boot()));
    if (typeof resumed !== 'string') return resumed;
    this.#keptRefused = resumed;
    log.log('warn', 'cache-refused', { fault: resumed });
    return undefined;
  }

  /** Begins to look for the server. Throws where an administrator has taken the node out. */
  start(): void {
    if (this.#identity.removed !== undefined) throw removedError(this.#identity.removed);
    this.#shell.start();
  }

  /** The first keys, of a node that has none. Rejects when the token is refused, or the node removed. */
  firstKeys(): Promise<VerifiedBundle> {
    return this.#first.promise;
  }

  /** From here on news go to the running node. */
  attach(keys: BundleKeys, sinks: LinkedSinks): void {
    this.#keys = keys;
    this.#sinks = sinks;
    for (const [id, endpoints] of Object.entries(this.#facts.endpoints)) {
      const member = keys.members().find((each) => each.id === id);
      if (member) sinks.endpoints({ id: member.id, endpoints, gone: false });
    }
    sinks.services?.(this.#coordinators);
    if (this.#identity.removed !== undefined) void sinks.changed(keys.leaveAll());
    this.#attached.resolve();
  }

  /** The keys that the node began with are kept. */
  handleFirstTaken(): void {
    if (!this.#keys) return;
    const { number, caPart } = this.#keys.facts();
    this.#shell.handleTaken(number, caPart);
  }

  /** What is kept of keys and endpoints, sealed; undefined before there is anything. */
  sealedCache(): Uint8Array | undefined {
    if (!this.#keys || this.#identity.removed !== undefined) return undefined;
    if (!this.#isIdentityKept) this.#writeIdentity();
    const { lastContact = unixSeconds(0) } = this.status();
    const bytes = encodeLinkCache({ ...this.#facts, lastContact, keys: this.#keys.toCache() });
    const sealed = this.#sealer.seal('cache', bytes);
    wipe(bytes); // V7
    return sealed;
  }

  setEndpoints(udpPort: number, endpoints: readonly PathAddress[]): void {
    const same = udpPort === this.#own.udpPort && endpoints.join() === this.#own.endpoints.join();
    this.#own = { udpPort, endpoints };
    if (!same) this.#shell.endpointsChanged();
  }

  /** This machine is on another network, or slept: is the server still there? */
  networkChanged(): void {
    this.#shell.networkChanged();
  }

  /** A peer has newer keys. */
  refresh(): void {
    this.#shell.fetch('stale');
  }

  /** A person wants the newest keys; settles when they are in force, or the server says that there are none. */
  async reload(): Promise<void> {
    if (!this.#shell.fetch('user'))
      throw new GscipError(
        'server-not-reached',
        'the server is not reached',
        'see "gscip status"; it is tried again by itself',
      );
    this.#answer = Promise.withResolvers();
    await Promise.race([this.#answer.promise, this.#pause(ASKING)]);
    await this.#updates;
  }

  /** Tells the server farewell, as far as it listens; the state folder is to be forgotten then. */
  async logout(): Promise<void> {
    this.#shell.leave();
    await Promise.race([this.#left.promise, this.#pause(PARTING)]);
    this.stop();
  }

  stop(): void {
    this.#shell.stop();
  }

  wipe(): void {
    wipe(this.edSeed);
    this.#sealer.wipe();
  }

  #pause(time: number): Promise<void> {
    return new Promise((resolve) => {
      const end = this.#tools.every(time, () => {
        end();
        resolve();
      });
    });
  }

  #readCache(): void {
    const sealed = this.#state.sealed('cache');
    const bytes = sealed && this.#sealer.open('cache', sealed);
    const cache = bytes && decodeLinkCache(bytes);
    if (bytes) wipe(bytes);
    if (cache) {
      const { keys, ...facts } = cache;
      this.#facts = facts;
      this.#cached = keys;
    } else if (sealed) this.#tools.log.log('warn', 'cache-refused', { fault: 'cache-damaged' });
  }

  #have(): Holding {
    if (!this.#keys) return { number: 0, groups: [] };
    const groups = this.#keys.newestVersions().map(({ id, v, roster: { seq, head } }) => ({ id, v, seq, head }));
    return { number: this.#keys.bundleNumber(), groups };
  }

  #handle(news: LinkNews): void {
    switch (news.kind) {
      case 'enrolled':
        return this.#keepIdentity({ enrolment: news.enrolment, token: undefined });
      case 'certificate':
        this.#keepIdentity({ enrolment: news.enrolment });
        this.#keys?.takeCertificate(news.enrolment.caPart, this.#tools.now());
        return this.#sinks?.keep();
      case 'update':
        this.#updates = this.#updates.then(() => this.#update(news.bundle));
        return this.#answer.resolve();
      case 'directory':
        return this.#directory(news.peers);
      case 'disconnect':
        return this.#sinks?.lost?.(news.wasReady);
      case 'services':
        this.#coordinators = news.coordinators;
        return this.#sinks?.services?.(news.coordinators);
      case 'time':
        this.clock.handleServerTime(news.time, this.#tools.boot());
        this.#keys?.handleServerTime(news.time);
        return this.#answer.resolve();
      case 'removed':
        return this.#remove(news.reason);
      case 'join-refused':
        return this.#first.reject(joinRefused(news.code, news.text));
      case 'left':
        return this.#left.resolve();
      default:
        return unreachable(news);
    }
  }

  async #update(bytes: Uint8Array): Promise<void> {
    if (this.#identity.removed !== undefined) return wipe(bytes);
    const verified = this.#open(bytes);
    wipe(bytes); // V7
    if (typeof verified === 'string') {
      // a whole one is asked for once; the next news come by themselves
      if (this.#refused === undefined) this.#shell.handleRefused(verified);
      this.#refused = verified;
      return;
    }
    this.#refused = undefined;
    this.#facts = { ...this.#facts, keysAt: this.corrected() };
    this.#followCertificate(verified.bundle.node.caPart);
    if (!this.#keys) {
      this.#first.resolve(verified);
      return this.#attached.promise; // what comes meanwhile builds on these
    }
    const { number } = verified.bundle;
    await this.#sinks?.changed(this.#keys.reload(verified, this.#tools.now()));
    this.#shell.handleTaken(number, this.#keys.facts().caPart);
  }

  #open(bytes: Uint8Array): VerifiedBundle | string {
    const { provider } = this.#tools;
    const { enrolment } = this.#identity;
    if (!enrolment) return 'not-enrolled';
    const edPublic = provider.ed25519KeyPair(this.edSeed).publicKey;
    const held = this.#keys && { number: this.#keys.bundleNumber(), held: this.#keys.heldRosters() };
    return openBundle(provider, bytes, this.corrected(), { pin: enrolment.admin, edPublic, ...held });
  }

  /** An administrator may have changed what the certificate says. */
  #followCertificate(caPart: Uint8Array): void {
    const { enrolment } = this.#identity;
    if (!enrolment || enrolment.caPart.every((byte, i) => byte === caPart[i])) return;
    this.#keepIdentity({ enrolment: { ...enrolment, caPart, caPartAt: this.corrected() } });
  }

  #directory(peers: readonly DirectoryPeer[]): void {
    const endpoints = { ...this.#facts.endpoints };
    for (const { id, endpoints: paths, gone } of peers) {
      if (gone) delete endpoints[id];
      else endpoints[id] = paths;
    }
    this.#facts = { ...this.#facts, endpoints, endpointsAt: this.corrected() };
    for (const peer of peers) this.#sinks?.endpoints(peer);
  }

  #remove(reason: string): void {
    this.#keepIdentity({ removed: reason });
    this.#state.discard('cache');
    this.#tools.log.log('warn', 'removed', { reason });
    this.#first.reject(removedError(reason));
    if (this.#keys) void this.#sinks?.changed(this.#keys.leaveAll());
  }

  #keepIdentity(change: Partial<LinkIdentity>): void {
    this.#identity = { ...this.#identity, ...change };
    this.#writeIdentity();
  }

  /** A full disk does not end a running node: it is tried again whenever something is kept. */
  #writeIdentity(): void {
    this.#isIdentityKept = false;
    try {
      writeIdentity(this.#state, this.#sealer, this.#identity);
      this.#isIdentityKept = true;
    } catch (error) {
      if (!(error instanceof GscipError)) throw error;
      const { code, message, remedy } = error;
      this.#tools.log.log('error', 'state-not-kept', { code, message, remedy });
    }
  }
}

function removedError(reason: string): GscipError {
  return new GscipError(
    'removed',
    `an administrator took this node out of the network: ${reason}`,
    'to come back, ask for a new join token: gscip up --join TOKEN',
  );
}

function joinRefused(code: string, text: string): GscipError {
  return new GscipError('join-refused', `the server refused the join token: ${text} (${code})`, 'ask for a new token');
}
