import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { ACTION, type ActionName } from '../base/datagram-kinds.ts';
import { FORM, type FormName, TAG_BYTES } from './constants.ts';
import type { DprpFault } from './fault.ts';
import { encodeSigner, type HopSigner, readSigner, signerBytes } from './hop-record.ts';
import { actionName, formName } from './wire-names.ts';

/*
 * Hop action (in MPIT, I → G) and hop confirmation (in CDN, R → G), same layout (protocol.md 2.2):
 * 300 bytes by value, 116 by reference
 *
 *   0              8       10     11  12                    300 or 116
 *   +--------------+-------+------+---+---------------------+
 *   | e_G[0..8]  8 | len 2 | form | 0 |   box 288 or 104    |
 *   +--------------+-------+------+---+---------------------+
 *   |<------- AAD of the box -------->|
 *
 * Plaintext of the box: action 8 · CA part 200 (value) or node id 16 (reference) · sig 64. len counts the box.
 *
 * action 8:  action 1 · flags 1 (none defined: 0) · 0×2 · lifetime 4 (seconds)
 */

/** Bytes before the box: its AAD. */
const ACTION_HEADER_BYTES = 12;
/** Bytes of e_G that name the element. */
export const HINT_BYTES = 8;
const ORDER_BYTES = 8;
const SIGNATURE_BYTES = 64;

/** A hop action or confirmation with its box still sealed; `hint` is e_G[0..8]. */
export interface HopAction {
  readonly hint: Uint8Array;
  readonly form: FormName;
  readonly box: Uint8Array;
}

/** What an on-path element is told to do, and for how many seconds. */
export interface HopOrder {
  readonly action: ActionName;
  readonly lifetime: number;
}

/** The opened box. `orderBytes` are what the signature covers, as received. */
export interface HopActionBox {
  readonly order: HopOrder;
  readonly orderBytes: Uint8Array;
  readonly signer: HopSigner;
  readonly signature: Uint8Array;
}

export function hopActionBytes(form: FormName): number {
  return ACTION_HEADER_BYTES + actionBoxBytes(form);
}

/** The 12 bytes before the box, for the element with this ephemeral key. */
export function encodeActionHeader(ephemeral: Uint8Array, form: FormName): Uint8Array {
  const writer = new ByteWriter(ACTION_HEADER_BYTES).raw(ephemeral.subarray(0, HINT_BYTES));
  return writer.u16(actionBoxBytes(form)).u8(FORM[form]).zeros(1).finish();
}

export function encodeHopAction(action: HopAction): Uint8Array {
  const writer = new ByteWriter(hopActionBytes(action.form));
  return writer.raw(encodeActionHeader(action.hint, action.form)).raw(action.box).finish();
}

export function decodeHopAction(bytes: Uint8Array): HopAction | DprpFault {
  if (bytes.length < ACTION_HEADER_BYTES) return 'length';
  const reader = new ByteReader(bytes);
  const hint = reader.raw(HINT_BYTES);
  const length = reader.u16();
  const form = formName(reader.u8());
  if (form === null) return 'form';
  if (!reader.zeros(1)) return 'pad';
  if (length !== actionBoxBytes(form) || bytes.length !== hopActionBytes(form)) return 'length';
  return { hint, form, box: reader.raw(length) };
}

export function encodeHopOrder(order: HopOrder): Uint8Array {
  return new ByteWriter(ORDER_BYTES).u8(ACTION[order.action]).zeros(3).u32(order.lifetime).finish();
}

export function decodeHopOrder(bytes: Uint8Array): HopOrder | DprpFault {
  if (bytes.length !== ORDER_BYTES) return 'length';
  const reader = new ByteReader(bytes);
  const action = actionName(reader.u8());
  if (action === null) return 'action';
  if (!reader.zeros(1)) return 'flags';
  return reader.zeros(2) ? { action, lifetime: reader.u32() } : 'pad';
}

/** Plaintext of the box: what the signature covers goes in as `orderBytes`. */
export function encodeHopActionBox(orderBytes: Uint8Array, signer: HopSigner, signature: Uint8Array): Uint8Array {
  const writer = new ByteWriter(actionBoxBytes(signer.form) - TAG_BYTES);
  return writer.raw(orderBytes).raw(encodeSigner(signer)).raw(signature).finish();
}

export function decodeHopActionBox(bytes: Uint8Array, form: FormName): HopActionBox | DprpFault {
  if (bytes.length !== actionBoxBytes(form) - TAG_BYTES) return 'length';
  const reader = new ByteReader(bytes);
  const orderBytes = reader.raw(ORDER_BYTES);
  const order = decodeHopOrder(orderBytes);
  if (typeof order === 'string') return order;
  return { order, orderBytes, signer: readSigner(reader, form), signature: reader.raw(SIGNATURE_BYTES) };
}

function actionBoxBytes(form: FormName): number {
  return ORDER_BYTES + signerBytes(form) + SIGNATURE_BYTES + TAG_BYTES;
}
