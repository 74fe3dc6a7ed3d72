import { ACTION, type ActionName, MODE, type ModeName, NODE_TYPE } from '../base/datagram-kinds.ts';
import {
  CDN_STATUS,
  type CdnStatus,
  FORM,
  type FormName,
  SIDE,
  type SideName,
  STALE_REASON,
  type StaleReason,
} from './constants.ts';

/** The types that take part in DPRP; servers do not. */
export type EndType = 'ges' | 'gen' | 'gea';

/** Each function gives the name of a wire number, or null when the number names nothing. */
export function actionName(value: number): ActionName | null {
  return ACTIONS.get(value) ?? null;
}

export function modeName(value: number): ModeName | null {
  return MODES.get(value) ?? null;
}

export function endTypeName(value: number): EndType | null {
  return TYPES.get(value) ?? null;
}

export function sideName(value: number): SideName | null {
  return SIDES.get(value) ?? null;
}

export function formName(value: number): FormName | null {
  return FORMS.get(value) ?? null;
}

export function statusName(value: number): CdnStatus | null {
  return STATUSES.get(value) ?? null;
}

export function staleReasonName(value: number): StaleReason | null {
  return REASONS.get(value) ?? null;
}

const ACTIONS: ReadonlyMap<number, ActionName> = new Map([
  [ACTION.encrypt, 'encrypt'],
  [ACTION.relay, 'relay'],
  [ACTION.discard, 'discard'],
  [ACTION.terminate, 'terminate'],
]);
const MODES: ReadonlyMap<number, ModeName> = new Map([
  [MODE.op, 'op'],
  [MODE.cl, 'cl'],
]);
const TYPES: ReadonlyMap<number, EndType> = new Map([
  [NODE_TYPE.ges, 'ges'],
  [NODE_TYPE.gen, 'gen'],
  [NODE_TYPE.gea, 'gea'],
]);
const SIDES: ReadonlyMap<number, SideName> = new Map([
  [SIDE.n, 'n'],
  [SIDE.s, 's'],
  [SIDE.d, 'd'],
  [SIDE.b, 'b'],
]);
const FORMS: ReadonlyMap<number, FormName> = new Map([
  [FORM.value, 'value'],
  [FORM.reference, 'reference'],
]);
const STATUSES: ReadonlyMap<number, CdnStatus> = new Map([
  [CDN_STATUS.accepted, 'accepted'],
  [CDN_STATUS.refused, 'refused'],
  [CDN_STATUS.full, 'full'],
]);
const REASONS: ReadonlyMap<number, StaleReason> = new Map([
  [STALE_REASON.old, 'old'],
  [STALE_REASON.domain, 'domain'],
  [STALE_REASON.behind, 'behind'],
]);
