import { unixSeconds } from '../../base/brands.ts';
import { GscipError } from '../../base/errors.ts';
import { domainGroupId } from '../../crypto/group-key.ts';
import { DEFAULT_POOL, makePlan, parsePool } from './address-plan.ts';
import type { Draft } from './draft.ts';
import { timeZone } from './local-time.ts';
import { freeName } from './names.ts';
import { isMade, putSettings, settingsOf } from './settings.ts';
import type { GroupRow } from './state.ts';
import type { Tools } from './tools.ts';
import { addVersion } from './versions.ts';

const HOUR = 3_600;
const DAY = 24 * HOUR;
/** The domain key rolls weekly (protocol.md 9.1). */
export const DOMAIN_ROLL = 7 * DAY;
/** The domain group has no roster: its versions name none. */
export const NO_ROSTER = { rosterSeq: 0, rosterHead: new Uint8Array(32) } as const;

/** What a network begins with; what is absent has a default. */
export interface NetworkRequest {
  readonly network: string;
  /** IPv4 range of the overlay addresses; by default 100.64.0.0/10 */
  readonly pool?: string;
  /** IANA name of the zone of scheduled rolls; by default UTC */
  readonly timeZone?: string;
  /** seconds (protocol.md 10.4); by default 72 hours, from one hour to 30 days */
  readonly lease?: number;
  /** seconds; by default 60 days, from one day to ten years */
  readonly certificateLife?: number;
}

/** Makes the network of an empty database: its keys, its addresses, and the domain group that every node will hold. */
export function newNetwork(tools: Tools, draft: Draft, request: NetworkRequest): void {
  if (isMade(draft))
    throw new GscipError(
      'network-exists',
      `this database holds the network "${settingsOf(draft).network}"`,
      'Use another database.',
    );
  const { provider, random, now } = tools;
  const caSeed = random(32);
  const domain = domainGroupId(provider, provider.ed25519KeyPair(caSeed).publicKey);
  putSettings(draft, {
    network: freeName('network', request.network),
    ...makePlan(parsePool(request.pool ?? DEFAULT_POOL), random),
    adminSeed: random(32),
    caSeed,
    asSeed: random(32),
    gmsSeed: random(32),
    nextSerial: 1,
    nextHost: 1,
    number: 0,
    timeZone: timeZone(request.timeZone ?? 'UTC'),
    domain,
    lease: within('lease', request.lease ?? 72 * HOUR, HOUR, 30 * DAY),
    certificateLife: within('life of a certificate', request.certificateLife ?? 60 * DAY, DAY, 3_650 * DAY),
    createdAt: now,
  });
  const group: GroupRow = {
    id: domain,
    name: '',
    ...{ retain: 'migrate', push: 'all', roll: '' },
    nextRoll: unixSeconds(now + DOMAIN_ROLL),
    versions: [],
    number: 0,
    rn1: new Uint8Array(32),
    createdAt: now,
  };
  addVersion(tools, draft, group, { activateAt: now, cause: 'created', ...NO_ROSTER });
}

function within(what: string, seconds: number, least: number, most: number): number {
  if (Number.isInteger(seconds) && seconds >= least && seconds <= most) return seconds;
  throw new GscipError('usage', `a ${what} of ${seconds} s is not possible`, `Choose ${least} to ${most} s.`);
}
