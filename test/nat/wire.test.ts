import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeId } from '../../src/base/brands.ts';
import { pathAddress } from '../../src/base/path-address.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import {
  decodeBinding,
  encodeBind,
  encodeBindAck,
  encodeBindChallenge,
  isAuthenticBinding,
} from '../../src/nat/bind.ts';
import { NAT_SIZE } from '../../src/nat/constants.ts';
import { decodeReflect, encodeReflect, isAuthenticReflect } from '../../src/nat/reflect.ts';
import { decodeFrame, encodeFrame } from '../../src/nat/relay-frame.ts';
import { decodeSignal, encodeSignal } from '../../src/nat/signal-message.ts';
import { signalIndex } from '../../src/nat/signal-session.ts';
import { decodeTunnelProbe, encodeTunnelProbe, isAuthenticProbe } from '../../src/nat/tunnel-probe.ts';
import { bind, bindAck, bindChallenge, bytes, probe, reflect, signal } from './arbitrary.ts';

const provider = nodeProvider;
const KEY = new Uint8Array(32).fill(7);
const A = nodeId('aa'.repeat(16));
const B = nodeId('bb'.repeat(16));
const PROBE_KEY = { tempKey: KEY, sender: A, receiver: B };
const AT = pathAddress('192.0.2.7:47247');

/** One encoded message of each fixed layout. */
const SAMPLES: readonly (readonly [name: string, bytes: Uint8Array, decode: (bytes: Uint8Array) => unknown])[] = [
  [
    'Tunnel Request',
    encodeTunnelProbe(provider, PROBE_KEY, {
      kind: 'request',
      pathId: new Uint8Array(8),
      txid: new Uint8Array(12),
      destination: AT,
      seen: undefined,
    }),
    decodeTunnelProbe,
  ],
  [
    'reflect question',
    encodeReflect(provider, KEY, { kind: 'question', from: 'asked', ticket: 1, nonce: new Uint8Array(12), delay: 0 }),
    decodeReflect,
  ],
  [
    'BIND',
    encodeBind(provider, KEY, {
      kind: 'bind',
      channel: 5,
      node: A,
      seq: 1,
      nonce: new Uint8Array(16),
      challenge: undefined,
    }),
    decodeBinding,
  ],
  [
    'BIND-CHALLENGE',
    encodeBindChallenge({ kind: 'bind-challenge', channel: 5, seq: 1, challenge: new Uint8Array(16) }),
    decodeBinding,
  ],
  [
    'BIND-ACK',
    encodeBindAck(provider, KEY, {
      kind: 'bind-ack',
      status: 'bound',
      channel: 5,
      seq: 1,
      nonce: new Uint8Array(16),
      seen: AT,
    }),
    decodeBinding,
  ],
  ['KEEP-ALIVE', encodeSignal({ type: 'keep-alive', seq: 3 }), decodeSignal],
  ['UNREGISTER', encodeSignal({ type: 'unregister' }), decodeSignal],
];

describe('what is encoded', () => {
  it('is decoded to the same: probes', () => {
    fc.assert(
      fc.property(probe, (value) => {
        const encoded = encodeTunnelProbe(provider, PROBE_KEY, value);
        const decoded = decodeTunnelProbe(encoded);
        expect(decoded).toMatchObject(value);
        if (typeof decoded === 'string') return;
        expect(isAuthenticProbe(provider, PROBE_KEY, encoded, decoded)).toBe(true);
      }),
    );
  });

  it('is decoded to the same: reflection', () => {
    fc.assert(
      fc.property(reflect, (value) => {
        const encoded = encodeReflect(provider, KEY, value);
        expect(decodeReflect(encoded)).toEqual(value);
        expect(isAuthenticReflect(provider, KEY, encoded, value)).toBe(true);
      }),
    );
  });

  it('is decoded to the same: bindings', () => {
    fc.assert(
      fc.property(bind, bindChallenge, bindAck, (first, second, third) => {
        expect(decodeBinding(encodeBind(provider, KEY, first))).toEqual(first);
        expect(decodeBinding(encodeBindChallenge(second))).toEqual(second);
        expect(decodeBinding(encodeBindAck(provider, KEY, third))).toEqual(third);
      }),
    );
  });

  it('is decoded to the same: signalling', () => {
    fc.assert(
      fc.property(signal, (value) => {
        expect(decodeSignal(encodeSignal(value))).toEqual(value);
      }),
      { numRuns: 500 },
    );
  });
});

describe('hostile bytes', () => {
  const decoders = [decodeTunnelProbe, decodeReflect, decodeBinding, decodeSignal, decodeFrame, signalIndex];

  it('W2: never throw', () => {
    const lengths = fc.constantFrom(0, 1, 8, ...Object.values(NAT_SIZE), 93, 300, 513);
    fc.assert(
      fc.property(lengths.chain(bytes), fc.integer({ min: 0x20, max: 0x3f }), fc.boolean(), (random, kind, known) => {
        if (known && random.length > 3) random.set([kind, 1, 0, 0]);
        for (const decode of decoders) decode(random);
      }),
      { numRuns: 3_000 },
    );
  });

  it('W2: never throw when a good message of signalling has bytes changed, cut or added', () => {
    const change = fc.tuple(fc.nat(600), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(signal, fc.array(change, { maxLength: 4 }), fc.nat(40), (value, changes, cut) => {
        const encoded = encodeSignal(value);
        for (const [at, byte] of changes) if (at < encoded.length) encoded[at] = byte;
        decodeSignal(encoded.subarray(0, encoded.length - cut));
        const longer = new Uint8Array(encoded.length + 1);
        longer.set(encoded);
        decodeSignal(longer);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each(SAMPLES)('W1: a %s that is a byte shorter or longer is refused', (_name, encoded, decode) => {
    expect(decode(encoded)).not.toBe('length');
    const longer = new Uint8Array(encoded.length + 1);
    longer.set(encoded);
    expect(typeof decode(longer)).toBe('string');
    expect(typeof decode(encoded.subarray(0, -1))).toBe('string');
  });

  it.each([
    ['Tunnel Request', 2],
    ['Tunnel Request', 3],
    ['reflect question', 3],
    ['reflect question', 22],
    ['reflect question', 39],
    ['BIND', 2],
    ['BIND', 3],
    ['BIND-CHALLENGE', 2],
    ['BIND-ACK', 3],
  ])('W1: a %s whose pad byte %i is not zero is refused', (name, at) => {
    const [, sample, decode] = SAMPLES.find(([each]) => each === name) ?? SAMPLES[0];
    const changed = sample.slice();
    changed[at] = 1;
    expect(decode(changed)).toBe('pad');
  });

  it('W1: the address of an IPv4 endpoint has 12 zero bytes before it, and "none" is all zero', () => {
    const probeBytes = SAMPLES[0][1].slice();
    probeBytes[26] = 1;
    expect(decodeTunnelProbe(probeBytes)).toBe('endpoint');
    const kept = encodeSignal({ type: 'kept', seq: 1, seen: undefined });
    kept[7] = 1;
    expect(decodeSignal(kept)).toBe('endpoint');
  });
});

describe('a probe', () => {
  it('N3: has a response that is no longer than its request', () => {
    const common = { pathId: new Uint8Array(8), txid: new Uint8Array(12), destination: AT };
    const request = encodeTunnelProbe(provider, PROBE_KEY, { ...common, kind: 'request', seen: undefined });
    const response = encodeTunnelProbe(provider, PROBE_KEY, { ...common, kind: 'response', seen: AT });
    expect(response.length).toBeLessThanOrEqual(request.length);
  });

  it.each([
    ['another TempKey', { tempKey: new Uint8Array(32) }],
    ['another sender', { sender: B }],
    ['another receiver', { receiver: A }],
  ])('is not authentic under %s', (_name, other) => {
    const encoded = SAMPLES[0][1];
    const decoded = decodeTunnelProbe(encoded);
    if (typeof decoded === 'string') throw new Error(decoded);
    expect(isAuthenticProbe(provider, { ...PROBE_KEY, ...other }, encoded, decoded)).toBe(false);
  });

  it('is not authentic with any bit of it changed, also as an answer to itself', () => {
    const encoded = SAMPLES[0][1];
    for (let at = 4; at < encoded.length; at++) {
      const changed = encoded.slice();
      changed[at] ^= 1;
      const decoded = decodeTunnelProbe(changed);
      if (typeof decoded !== 'string') expect(isAuthenticProbe(provider, PROBE_KEY, changed, decoded)).toBe(false);
    }
    const reflected = encoded.slice();
    reflected[0] = 0x39;
    reflected.set(reflected.subarray(24, 43), 43);
    const decoded = decodeTunnelProbe(reflected);
    if (typeof decoded === 'string') throw new Error(decoded);
    expect(isAuthenticProbe(provider, PROBE_KEY, reflected, decoded)).toBe(false);
  });
});

describe('a binding', () => {
  it('N4: is answered by fewer bytes than it has, so that a forged source gains nothing', () => {
    expect(NAT_SIZE.bindChallenge).toBeLessThanOrEqual(NAT_SIZE.bind);
    expect(NAT_SIZE.bindAck).toBeLessThanOrEqual(NAT_SIZE.bind);
  });

  it('N4: is authentic only under the relay key of its node, and with all of its bytes', () => {
    const encoded = SAMPLES[2][1];
    expect(isAuthenticBinding(provider, KEY, encoded)).toBe(true);
    expect(isAuthenticBinding(provider, new Uint8Array(32), encoded)).toBe(false);
    for (let at = 0; at < encoded.length; at++) {
      const changed = encoded.slice();
      changed[at] ^= 1;
      expect(isAuthenticBinding(provider, KEY, changed)).toBe(false);
    }
  });
});

describe('a relay frame', () => {
  const framed = (kind: number) => Uint8Array.from([...encodeFrame(0x01020304), kind, 0]);

  it('N4: carries DPRP 01 to 07 and data, and nothing else', () => {
    const carried = Array.from({ length: 256 }, (_, kind) => kind).filter(
      (kind) => decodeFrame(framed(kind)) === 0x01020304,
    );
    expect(carried).toEqual([1, 2, 3, 4, 5, 6, 7, 0x10]);
  });

  it.each([
    ['has nothing in it', encodeFrame(9), 'length'],
    ['has another type', Uint8Array.from([0x21, 0, 0, 0, 0, 0, 0, 1, 0x10]), 'kind'],
    ['has a pad byte', Uint8Array.from([0x20, 0, 1, 0, 0, 0, 0, 1, 0x10]), 'pad'],
    ['has channel 0', Uint8Array.from([0x20, 0, 0, 0, 0, 0, 0, 0, 0x10]), 'channel'],
  ])('is refused when it %s', (_name, frame, fault) => {
    expect(decodeFrame(frame)).toBe(fault);
  });
});
