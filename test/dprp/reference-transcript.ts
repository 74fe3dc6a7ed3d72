import { concat, fromHex, toHex, utf8 } from '../../src/base/bytes.ts';
import { nobleProvider as noble } from '../../src/crypto/noble-provider.ts';

/*
 * A second, independent reading of protocol.md 2.4: hash by hash from the four packets and the secrets, without the Noise
 * engine and without the codecs. It opens what is sealed and derives every key, so that a vector is more than what the
 * implementation happened to do.
 */

export interface ReferenceInput {
  readonly dde: Uint8Array;
  readonly rgi: Uint8Array;
  readonly mpit: Uint8Array;
  readonly cdn: Uint8Array;
  readonly ephemeralI: Uint8Array;
  readonly ephemeralR: Uint8Array;
  readonly staticI: Uint8Array;
  readonly staticR: Uint8Array;
  readonly kPsk: Uint8Array;
  readonly groupId: string;
  readonly r: number;
  readonly v: number;
  readonly nodeI: string;
  readonly nodeR: string;
  readonly suite: number;
  readonly lanes: number;
}

/** Every intermediate value, in hex. */
export function referenceRun(input: ReferenceInput): Record<string, string> {
  const { dde, rgi, mpit, cdn } = input;
  const eI = dde.slice(12, 44);
  const eR = rgi.slice(16, 48);
  const sI = noble.x25519KeyPair(input.staticI).publicKey;
  const sR = noble.x25519KeyPair(input.staticR).publicKey;
  const out: Record<string, string> = {};
  const note = (name: string, bytes: Uint8Array) => {
    out[name] = toHex(bytes);
  };
  let h = noble.sha256(utf8('GSCIP-DPRP1_25519_ChaChaPoly_SHA256'));
  let ck = h;
  let k = new Uint8Array(32);
  let n = 0;
  const mixHash = (data: Uint8Array) => {
    h = noble.sha256(concat(h, data));
  };
  /** HKDF as Noise 4.3 writes it, with HMAC alone. */
  const hkdf = (ikm: Uint8Array) => {
    const temp = noble.hmac(ck, ikm);
    const one = noble.hmac(temp, Uint8Array.of(1));
    const two = noble.hmac(temp, concat(one, Uint8Array.of(2)));
    return [one, two, noble.hmac(temp, concat(two, Uint8Array.of(3)))];
  };
  const mixKey = (ikm: Uint8Array) => {
    [ck, k] = hkdf(ikm) as [Uint8Array, Uint8Array<ArrayBuffer>, Uint8Array];
    n = 0;
  };
  const open = (sealed: Uint8Array) => {
    const nonce = new Uint8Array(12);
    nonce[4] = n++;
    const plain = noble.chachaOpen(k, nonce, h, sealed);
    if (plain === null) throw new Error('a box does not open');
    mixHash(sealed);
    return plain;
  };
  const dh = (secret: Uint8Array, key: Uint8Array) => {
    const shared = noble.x25519(secret, key);
    if (shared === null) throw new Error('weak key');
    return shared;
  };
  const noHops = (header: Uint8Array) => header.map((byte, i) => (i === 3 ? 0 : byte));
  const u32 = (value: number) => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);

  mixHash(utf8('gscip1 dprp'));
  mixHash(noHops(dde.slice(0, 12)));
  mixHash(eI);
  mixKey(eI);
  mixHash(dde.slice(44, 268));
  note('h after DDE', h);
  note('ck after DDE', ck);

  mixHash(noHops(rgi.slice(0, 16)));
  mixHash(eR);
  mixKey(eR);
  mixKey(dh(input.ephemeralI, eR));
  mixHash(noble.sha256(concat(utf8('gscip1 grp'), fromHex(input.groupId), u32(input.r), u32(input.v))));
  const [pskCk, pskHash, pskKey] = hkdf(input.kPsk);
  ck = pskCk;
  mixHash(pskHash);
  k = pskKey.slice();
  n = 0;
  const openedR = open(rgi.slice(48, 96));
  if (toHex(openedR) !== toHex(sR)) throw new Error('another static key of R');
  mixKey(dh(input.ephemeralI, sR));
  note('RGI payload', open(rgi.slice(96, 448)));
  note('h after RGI', h);
  note('ck after RGI', ck);

  mixHash(noHops(mpit.slice(0, 12)));
  const openedI = open(mpit.slice(12, 60));
  if (toHex(openedI) !== toHex(sI)) throw new Error('another static key of I');
  mixKey(dh(input.ephemeralR, sI));
  note('h at rekey proof', h);
  note('MPIT payload', open(mpit.slice(60)));
  note('h_f', h);
  note('ck_f', ck);

  const prk = noble.hmac(h, ck);
  const ids = [input.nodeI, input.nodeR, input.groupId].map(fromHex);
  const tail = [u32(input.r), u32(input.v), Uint8Array.of(input.suite), dde.slice(4, 8), rgi.slice(4, 8)];
  const ctx = noble.sha256(concat(...ids, ...tail));
  note('PRK', prk);
  note('ctx', ctx);
  const expand = (label: Uint8Array, length: number) =>
    noble.hmac(prk, concat(label, Uint8Array.of(0), ctx, Uint8Array.of(1))).slice(0, length);
  const cdnKey = expand(utf8('gscip1 cdn'), 32);
  note('k(cdn)', cdnKey);
  note('k(exporter)', expand(utf8('gscip1 exporter'), 32));
  for (let j = 0; j < input.lanes; j++)
    for (const direction of ['i2r', 'r2i']) {
      const lane = (what: string) => concat(utf8('gscip1 lane'), Uint8Array.of(j), utf8(`data ${direction} ${what}`));
      note(`k_${j}(data ${direction} key)`, expand(lane('key'), 32));
      note(`k_${j}(data ${direction} iv)`, expand(lane('iv'), 12));
    }
  const payload = noble.chachaOpen(cdnKey, new Uint8Array(12), concat(noHops(cdn.slice(0, 12)), h), cdn.slice(12, 76));
  if (payload === null) throw new Error('CDN does not open');
  note('CDN payload', payload);
  return out;
}
