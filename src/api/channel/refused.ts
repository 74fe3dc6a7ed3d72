import type { UnixSeconds } from '../../base/brands.ts';
import { cborMap, encodeCbor } from '../../base/cbor.ts';
import { asText } from '../../base/cbor-fields.ts';
import { type Fields, type MessageFault, timeField } from './fields.ts';

/** What a server says before it ends a channel, or instead of doing what a session asked for. */
export interface Refused {
  readonly type: 'refused';
  /** stable, for programs */
  readonly code: string;
  readonly text: string;
  /** the server's clock: the reason may be that the node's is wrong */
  readonly time: UnixSeconds;
}

export function encodeRefused({ type, code, text, time }: Refused): Uint8Array {
  return encodeCbor(cborMap({ type, code, text, time }));
}

export function refusedFrom(fields: Fields): Refused | MessageFault {
  const [code, text, time] = [asText(fields.get('code'), 64), asText(fields.get('text'), 1_024), timeField(fields)];
  if (code === undefined || text === undefined || time === undefined) return 'message-field';
  return { type: 'refused', code, text, time };
}
