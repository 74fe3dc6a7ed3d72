import type { NodeId } from '../base/brands.ts';
import { concat, fromHex, utf8, wipe } from '../base/bytes.ts';
import { type CaPart, CREDENTIAL_SIZE } from '../crypto/credential.ts';
import type { Identity } from '../crypto/identity.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { type FormName, HOP_DIRECTION, LABEL } from './constants.ts';
import type { DprpFault } from './fault.ts';
import {
  decodeHopAction,
  decodeHopActionBox,
  encodeActionHeader,
  encodeHopAction,
  encodeHopActionBox,
  encodeHopOrder,
  HINT_BYTES,
  type HopActionBox,
  type HopOrder,
} from './hop-action.ts';
import {
  decodeHopRecord,
  decodeHopRecordBox,
  encodeHopInfo,
  encodeHopRecord,
  encodeHopRecordBox,
  encodeRecordHeader,
  type HopInfo,
  type HopRecordBox,
  type HopSigner,
} from './hop-record.ts';

/*
 * The three boxes between an on-path element G and the ends (protocol.md 2.2, 2.3):
 *
 *   record         G → I   under k_GI, signed by G
 *   action         I → G   under k_GI, signed by I
 *   confirmation   R → G   under k_GR, signed by R
 *
 *   k = Expand(Extract(salt = H(DDE), ikm = DH), "gscip1 hop" ‖ direction 1 ‖ e_G ‖ e_I ‖ e_R, 32), DH = e_G·e_I or e_G·e_R
 *
 * Nonce 0: each key seals one box. AAD: the bytes before the box. The session key of I and R is in none of them.
 */

/** What ties a hop box to one handshake and one element. */
export interface HopBinding {
  /** H(DDE) */
  readonly dde: Uint8Array;
  /** H(RGI core) */
  readonly rgi: Uint8Array;
  readonly eG: Uint8Array;
  readonly eI: Uint8Array;
  readonly eR: Uint8Array;
}

/** Whom an action or confirmation is about. */
export interface HopParties {
  readonly hop: NodeId;
  readonly start: NodeId;
  readonly end: NodeId;
}

/** Who signs a hop box, and how it names itself. */
export interface HopAuthor {
  readonly signer: HopSigner;
  /** Ed25519 seed */
  readonly edSecret: Uint8Array;
}

/** An action or confirmation is the same box under another label and key. */
export type OrderDirection = 'action' | 'confirmation';

/** By value with the whole CA part, by reference with the node id. */
export function hopAuthor({ caPart, credential, edSecret }: Identity, form: FormName): HopAuthor {
  if (form === 'reference') return { signer: { form, node: caPart.nodeId }, edSecret };
  return { signer: { form, caPart: credential.slice(0, CREDENTIAL_SIZE.caPart) }, edSecret };
}

/** G's record. shared = e_G·e_I; previous: the record before it in RGI, or null. */
export function sealHopRecord(
  provider: CryptoProvider,
  shared: Uint8Array,
  binding: HopBinding,
  said: { readonly info: HopInfo; readonly previous: Uint8Array | null },
  { signer, edSecret }: HopAuthor,
): Uint8Array {
  const infoBytes = encodeHopInfo(said.info);
  const signature = provider.ed25519Sign(edSecret, recordSigned(provider, binding, said.previous, infoBytes));
  const head = encodeRecordHeader(binding.eG, signer.form);
  const box = seal(provider, shared, binding, 'record', head, encodeHopRecordBox(infoBytes, signer, signature));
  return encodeHopRecord({ ephemeral: binding.eG, form: signer.form, box });
}

/** Opens a record at I, without its signature. shared = e_I·e_G. */
export function openHopRecord(
  provider: CryptoProvider,
  shared: Uint8Array,
  binding: HopBinding,
  record: Uint8Array,
): HopRecordBox | DprpFault | 'auth' {
  const outer = decodeHopRecord(record);
  if (typeof outer === 'string') return outer;
  const head = encodeRecordHeader(outer.ephemeral, outer.form);
  const plain = open(provider, shared, binding, 'record', head, outer.box);
  return plain === null ? 'auth' : decodeHopRecordBox(plain, outer.form);
}

/** Whether G signed this record for this place in RGI. */
export function recordSignedBy(
  provider: CryptoProvider,
  author: CaPart,
  binding: HopBinding,
  box: HopRecordBox,
  previous: Uint8Array | null,
): boolean {
  const signed = recordSigned(provider, binding, previous, box.infoBytes);
  return provider.ed25519Verify(author.edPk, signed, box.signature);
}

/** I's action for one element; record: the bytes of that element's own record. shared = e_I·e_G. */
export function sealHopAction(
  provider: CryptoProvider,
  shared: Uint8Array,
  binding: HopBinding,
  decided: { readonly order: HopOrder; readonly parties: HopParties; readonly record: Uint8Array },
  author: HopAuthor,
): Uint8Array {
  const orderBytes = encodeHopOrder(decided.order);
  const signed = actionSigned(provider, binding, decided.parties, orderBytes, decided.record);
  return sealOrder(provider, shared, binding, 'action', orderBytes, signed, author);
}

/** R's confirmation of what it found in MPIT (protocol.md H5); R never sees records. shared = e_R·e_G. */
export function sealHopConfirmation(
  provider: CryptoProvider,
  shared: Uint8Array,
  binding: HopBinding,
  found: { readonly order: HopOrder; readonly parties: HopParties },
  author: HopAuthor,
): Uint8Array {
  const orderBytes = encodeHopOrder(found.order);
  const signed = confirmationSigned(binding, found.parties, orderBytes);
  return sealOrder(provider, shared, binding, 'confirmation', orderBytes, signed, author);
}

/** Opens an action or confirmation at G, without its signature. shared = e_G·e_I, or e_G·e_R. */
export function openHopOrder(
  provider: CryptoProvider,
  shared: Uint8Array,
  binding: HopBinding,
  direction: OrderDirection,
  bytes: Uint8Array,
): HopActionBox | DprpFault | 'auth' {
  const outer = decodeHopAction(bytes);
  if (typeof outer === 'string') return outer;
  const head = encodeActionHeader(binding.eG, outer.form);
  const plain = open(provider, shared, binding, direction, head, outer.box);
  return plain === null ? 'auth' : decodeHopActionBox(plain, outer.form);
}

/** Whether I signed this action for these parties and over G's own record (protocol.md H4). */
export function actionSignedBy(
  provider: CryptoProvider,
  author: CaPart,
  binding: HopBinding,
  box: HopActionBox,
  parties: HopParties,
  record: Uint8Array,
): boolean {
  const signed = actionSigned(provider, binding, parties, box.orderBytes, record);
  return provider.ed25519Verify(author.edPk, signed, box.signature);
}

/** Whether R signed this confirmation for these parties (protocol.md H4). */
export function confirmationSignedBy(
  provider: CryptoProvider,
  author: CaPart,
  binding: HopBinding,
  box: HopActionBox,
  parties: HopParties,
): boolean {
  const signed = confirmationSigned(binding, parties, box.orderBytes);
  return provider.ed25519Verify(author.edPk, signed, box.signature);
}

/** The 8 bytes by which MPIT and CDN name an element. */
export function hintOf(ephemeral: Uint8Array): Uint8Array {
  return ephemeral.subarray(0, HINT_BYTES);
}

const NONCE = new Uint8Array(12);
/** Stands for the record before the first one. */
const NO_RECORD = new Uint8Array(32);

function sealOrder(
  provider: CryptoProvider,
  shared: Uint8Array,
  binding: HopBinding,
  direction: OrderDirection,
  orderBytes: Uint8Array,
  signed: Uint8Array,
  { signer, edSecret }: HopAuthor,
): Uint8Array {
  const plain = encodeHopActionBox(orderBytes, signer, provider.ed25519Sign(edSecret, signed));
  const head = encodeActionHeader(binding.eG, signer.form);
  const box = seal(provider, shared, binding, direction, head, plain);
  return encodeHopAction({ hint: hintOf(binding.eG), form: signer.form, box });
}

function recordSigned(
  provider: CryptoProvider,
  { dde, rgi, eG, eI, eR }: HopBinding,
  previous: Uint8Array | null,
  infoBytes: Uint8Array,
): Uint8Array {
  const before = previous === null ? NO_RECORD : provider.sha256(previous);
  return concat(utf8(LABEL.hopRecord), dde, rgi, before, eG, eI, eR, infoBytes);
}

function actionSigned(
  provider: CryptoProvider,
  { dde, rgi, eG }: HopBinding,
  parties: HopParties,
  orderBytes: Uint8Array,
  record: Uint8Array,
): Uint8Array {
  const names = [parties.hop, parties.start, parties.end].map(fromHex);
  return concat(utf8(LABEL.hopAction), dde, rgi, provider.sha256(record), eG, ...names, orderBytes);
}

function confirmationSigned({ dde, rgi, eG }: HopBinding, parties: HopParties, orderBytes: Uint8Array): Uint8Array {
  const names = [parties.hop, parties.start, parties.end].map(fromHex);
  return concat(utf8(LABEL.hopConfirmation), dde, rgi, eG, ...names, orderBytes);
}

function seal(
  provider: CryptoProvider,
  shared: Uint8Array,
  binding: HopBinding,
  direction: keyof typeof HOP_DIRECTION,
  head: Uint8Array,
  plain: Uint8Array,
): Uint8Array {
  const key = hopKey(provider, shared, binding, direction);
  const box = provider.chachaSeal(key, NONCE, head, plain);
  wipe(key);
  return box;
}

function open(
  provider: CryptoProvider,
  shared: Uint8Array,
  binding: HopBinding,
  direction: keyof typeof HOP_DIRECTION,
  head: Uint8Array,
  box: Uint8Array,
): Uint8Array | null {
  const key = hopKey(provider, shared, binding, direction);
  const plain = provider.chachaOpen(key, NONCE, head, box);
  wipe(key);
  return plain;
}

function hopKey(
  provider: CryptoProvider,
  shared: Uint8Array,
  { dde, eG, eI, eR }: HopBinding,
  direction: keyof typeof HOP_DIRECTION,
): Uint8Array {
  const prk = provider.hkdfExtract(dde, shared);
  const info = concat(utf8(LABEL.hopKey), Uint8Array.of(HOP_DIRECTION[direction]), eG, eI, eR);
  const key = provider.hkdfExpand(prk, info, 32);
  wipe(prk);
  return key;
}
