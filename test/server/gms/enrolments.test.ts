import { beforeEach, describe, expect, it } from 'vitest';
import type { EnrolAnswer } from '../../../src/api/channel/enrol-message.ts';
import { GscipError } from '../../../src/base/errors.ts';
import { verifyCaPart } from '../../../src/crypto/credential.ts';
import { verifyGmsCertificate } from '../../../src/crypto/gms-certificate.ts';
import { nodeProvider } from '../../../src/crypto/node-provider.ts';
import { revokeToken } from '../../../src/server/network/commands/tokens.ts';
import type { AuditEntry } from '../../../src/server/store/store.ts';
import { seedOf } from '../../crypto/fixtures.ts';
import { HubWorld } from './hub-world.ts';

let at: HubWorld;
beforeEach(() => {
  at = new HubWorld();
});

const OTHER = '198.51.100.7';

/** One try of a machine, from the greeting to the answer. */
function attempt(name: string, token: { id: string; secret: Uint8Array }, source?: string): EnrolAnswer | undefined {
  return at.connect(name, source).enrol(token);
}

async function audited(): Promise<readonly AuditEntry[]> {
  const entries = await at.ground.store.audit({ limit: 1_000 });
  return entries.filter(({ action }) => action === 'enrol');
}

function codeOf(answer: EnrolAnswer | undefined): string | undefined {
  return answer?.type === 'refused' ? answer.code : answer?.type;
}

describe('an enrolment', () => {
  it('gives the node its certificate, the keys that it pins and its name', () => {
    const answer = attempt('laptop', at.token());
    if (answer?.type !== 'enrolled') return expect.fail(String(answer?.type));
    const { ca, gmsCertificate, time } = answer;
    expect(answer).toMatchObject({ network: 'test', name: 'laptop', pending: false, time: at.ground.now });
    expect(verifyCaPart(nodeProvider, answer.caPart, [ca], time)).toMatchObject({ nodeId: at.row('laptop').id });
    const gms = verifyGmsCertificate(nodeProvider, gmsCertificate, ca, time);
    expect(gms).toMatchObject({ gmsKey: at.connect('x').greeting.slice(36) });
  });

  it('is in the audit log, with where it came from', async () => {
    const token = at.token();
    attempt('laptop', token, OTHER);
    expect(await audited()).toMatchObject([
      { actor: { kind: 'token', name: token.id }, outcome: 'done', detail: { name: 'laptop', source: OTHER } },
    ]);
  });

  it('E2: of the same machine counts one use, and gives the same', () => {
    const token = at.token();
    const [first, again] = [attempt('laptop', token), attempt('laptop', token)];
    expect(again).toEqual(first);
    expect(codeOf(attempt('another', token))).toBe('token-used-up');
  });

  it('with approval says that it waits', () => {
    expect(attempt('laptop', at.token({ approval: true }))).toMatchObject({ type: 'enrolled', pending: true });
  });
});

describe('a token that is not right', () => {
  const rows: readonly (readonly [string, () => { id: string; secret: Uint8Array }, string])[] = [
    ['of another server', () => ({ id: 'ab'.repeat(8), secret: seedOf('x') }), 'token-unknown'],
    ['whose secret was altered', () => ({ ...at.token(), secret: seedOf('x') }), 'token-wrong'],
    ['that has expired', expiredToken, 'token-expired'],
    ['that was revoked', revokedToken, 'token-revoked'],
    ['that is used up', usedToken, 'token-used-up'],
  ];
  it.each(rows)('%s is refused with the reason, logged and in the audit log', async (_what, make, code) => {
    const token = make();
    const answer = attempt('laptop', token, OTHER);
    expect(answer).toMatchObject({ type: 'refused', code, time: at.ground.now });
    expect(at.log.at(-1)).toMatchObject({ event: 'enrolment-refused', fields: { code, source: OTHER } });
    expect((await audited()).at(-1)).toMatchObject({ outcome: 'refused', code, actor: { name: token.id } });
  });

  it('is found out before anything is told about the token', () => {
    expect(codeOf(attempt('laptop', { ...expiredToken(), secret: seedOf('x') }))).toBe('token-wrong');
    expect(codeOf(attempt('laptop', { ...revokedToken(), secret: seedOf('x') }))).toBe('token-wrong');
  });

  function expiredToken() {
    const token = at.token({ ttl: 60 });
    at.ground.now += 60;
    return token;
  }

  function revokedToken() {
    const token = at.token();
    return at.ground.run((_tools, draft) => revokeToken(draft, token.id));
  }

  function usedToken() {
    const token = at.token();
    attempt('first', token);
    return token;
  }
});

describe('guessing', () => {
  const guess = (source?: string) =>
    codeOf(attempt('guesser', { id: 'cd'.repeat(8), secret: seedOf('guess') }, source));

  it('is slowed down for its source, whatever it shows then', () => {
    const token = at.token();
    const answers = Array.from({ length: 12 }, () => guess());
    expect(answers).toEqual([...Array(10).fill('token-unknown'), 'too-many-attempts', 'too-many-attempts']);
    expect(codeOf(attempt('laptop', token))).toBe('too-many-attempts');
    at.pass(6_000);
    expect(codeOf(attempt('laptop', token))).toBe('enrolled');
  });

  it('from ever new addresses does not fill the audit log, and keeps out nobody who has a token', async () => {
    const token = at.token();
    const answers = Array.from({ length: 30 }, (_, i) => guess(`198.51.100.${i}`));
    expect(answers.filter((code) => code === 'token-unknown')).toHaveLength(10);
    expect((await audited()).length).toBe(10);
    expect(codeOf(attempt('laptop', token, OTHER))).toBe('enrolled');
  });
});

describe('a database that is gone', () => {
  it('tells the node nothing: the channel ends, and it comes again', () => {
    const token = at.token();
    at.ground.store.fail(new GscipError('database-unreachable', 'the database does not answer'));
    const peer = at.connect('laptop');
    expect(peer.enrol(token)).toBeUndefined();
    expect(at.closed.get(peer.id)).toBe('server-trouble');
    at.ground.store.fail(undefined);
    expect(codeOf(attempt('laptop', token))).toBe('enrolled');
  });
});
