import { type Millis, type SaIndex, saIndex } from '../../src/base/brands.ts';
import type { PathAddress } from '../../src/base/path-address.ts';
import { DATA_OVERHEAD, type PacketPrimitives } from '../../src/base/primitives.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import type { DprpEffect } from '../../src/dprp/effects.ts';
import { Negotiations } from '../../src/dprp/negotiations.ts';
import type { KeyStore } from '../../src/node/key-store.ts';
import type { MadeMember, MadeNetwork } from './network.ts';

const UDP = 17;

export interface CallerTools {
  readonly provider: CryptoProvider;
  random(length: number): Uint8Array;
  /** holds its traffic keys; absent: they are thrown away, and it sends nothing on its SA */
  readonly primitives?: PacketPrimitives;
  /** keys of the group, as another member holds them */
  readonly keys: Pick<KeyStore, 'authorities' | 'groups' | 'domain' | 'unixNow'>;
}

/** A member that can do nothing but negotiate: what ten thousand of them need fits into one process. */
export class Caller {
  readonly member: MadeMember;
  readonly #negotiations: Negotiations;
  readonly #primitives: PacketPrimitives | undefined;
  #nextIndex = 8;
  #sends: SaIndex = saIndex(0);
  /** its handshake is done */
  hasSa = false;
  failures = 0;
  /** for whoever moves its clock: when its timer goes off, and whether its SA has been seen */
  timerAt: Millis | undefined;
  counted = false;

  constructor(network: MadeNetwork, number: number, { provider, random, primitives, keys }: CallerTools) {
    this.member = network.members[number];
    this.#primitives = primitives;
    const identity = network.identityOf(number);
    this.#negotiations = new Negotiations({
      provider,
      random: (length) => random(length),
      hedge: { key: random(32), bootCounter: 1 },
      identity: () => identity,
      authorities: () => keys.authorities(),
      groups: () => keys.groups(),
      domain: () => keys.domain(),
      unixNow: () => keys.unixNow(),
      reserveIndex: () => primitives?.saReserve(new DataView(random(4).buffer).getUint32(0)) ?? this.#freshIndex(),
      freeIndex: (index) => primitives?.saFree(index),
      liveSa: () => undefined,
      admitEntry: () => true,
      roundTrip: () => undefined,
      settings: { type: 'ges', mode: 'op', suites: [1, 2], lanes: 1, mtu: 1_400, noGms: true, lifetime: 600 },
    });
  }

  /** Its application has a packet for another member; what leaves is returned, here and below. */
  call(to: MadeMember, now: Millis): Uint8Array[] {
    const ends = { source: this.member.vip, destination: to.vip, sourcePort: 1_024, destinationPort: 7 };
    const cid = { family: 4, protocol: UDP, ...ends } as const;
    return this.#carryOut(this.#negotiations.start({ cid, paths: [to.path], purpose: 'flow' }, now));
  }

  handle(bytes: Uint8Array, from: PathAddress, now: Millis): Uint8Array[] {
    return (bytes[0] ?? 0) < 0x10 ? this.#carryOut(this.#negotiations.handleDatagram(bytes, from, now)) : [];
  }

  tick(now: Millis): Uint8Array[] {
    return this.#carryOut(this.#negotiations.tick(now));
  }

  nextDeadline(): Millis | undefined {
    return this.#negotiations.nextDeadline();
  }

  /** A packet of its flow, sealed; undefined without traffic keys. */
  seal(packet: Uint8Array): Uint8Array | undefined {
    const out = new Uint8Array(packet.length + DATA_OVERHEAD);
    const length = this.#primitives?.sealOne(this.#sends, packet, 0, out) ?? 0;
    return length === 0 ? undefined : out;
  }

  /** Gives its keys back. */
  close(): void {
    if (this.#sends !== 0) this.#primitives?.saFree(this.#sends);
  }

  #carryOut(effects: readonly DprpEffect[]): Uint8Array[] {
    const sent: Uint8Array[] = [];
    for (const effect of effects)
      if (effect.kind === 'send') sent.push(effect.bytes);
      else if (effect.kind === 'install-send') {
        this.hasSa = true;
        this.#sends = effect.localIndex;
        const [{ key, iv }] = effect.lanes;
        this.#primitives?.saInstallTx(effect.localIndex, effect.suite, key, iv, effect.remoteIndex);
      } else if (effect.kind === 'failed') this.failures += 1;
    return sent;
  }

  #freshIndex(): SaIndex {
    this.#nextIndex += 8;
    return saIndex(this.#nextIndex);
  }
}
