import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeEnrolRequest, type EnrolAnswer, encodeEnrolAnswer } from '../../../src/api/channel/enrol-message.ts';
import { decodeFrame, encodeFrame, encodeGreeting, frameHeader } from '../../../src/api/channel/frames.ts';
import { unixSeconds } from '../../../src/base/brands.ts';
import { encodeCaPart } from '../../../src/crypto/credential.ts';
import { asFingerprint } from '../../../src/crypto/enrolment.ts';
import { encodeGmsCertificate } from '../../../src/crypto/gms-certificate.ts';
import { nodeProvider as provider } from '../../../src/crypto/node-provider.ts';
import { answerHandshake } from '../../../src/crypto/noise-channel.ts';
import { type ChannelEvent, type ChannelPlan, NodeChannel } from '../../../src/node/server-link/channel.ts';
import { CHANNEL_TROUBLE } from '../../../src/node/server-link/link-trouble.ts';
import { edKey, NOW, ok, seedOf } from '../../crypto/fixtures.ts';
import { seededRandom } from '../seeded-random.ts';

const as = provider.x25519KeyPair(seedOf('as'));
const gms = provider.x25519KeyPair(seedOf('gms'));
const greeting = encodeGreeting({ asKey: as.publicKey, gmsKey: gms.publicKey });
const fingerprint = asFingerprint(provider, as.publicKey);
const token = { fingerprint, id: '0011223344556677', secret: seedOf('token'), servers: ['a.test:1'] };
const PLAN: ChannelPlan = { purpose: 'enrol', token, edSeed: seedOf('node'), name: 'alice' };

const channelOf = (plan: ChannelPlan = PLAN) =>
  new NodeChannel({ provider, random: seededRandom('channel'), corrected: () => NOW }, plan);

function framesOf(events: readonly ChannelEvent[]): readonly Uint8Array[] {
  return events.flatMap((event) => (event.kind === 'send' ? event.frames : []));
}

/** Plays a server that gives this answer to whoever enrols; what the node makes of it. */
function enrolledWith(answer: EnrolAnswer): readonly ChannelEvent[] {
  const node = channelOf();
  const [first] = framesOf(node.handleFrame(greeting));
  const opening = { purpose: 'enrol', greeting, header: frameHeader('enrol') } as const;
  const keys = { static: as, ephemeral: provider.x25519KeyPair(seedOf('e')) };
  const answered = answerHandshake(provider, opening, keys, ok<Uint8Array>(decodeFrame(first, 'enrol')), 1_024);
  if (typeof answered === 'string') throw new Error(answered);
  const [request] = framesOf(node.handleFrame(encodeFrame('enrolReply', answered.reply)));
  const opened = answered.channel.open(request);
  if (typeof opened === 'string' || !opened.message) throw new Error('no request');
  // what an account server learns is enough to check the secret, and is not the secret
  expect(decodeEnrolRequest(opened.message)).toMatchObject({ tokenId: token.id, edPublic: edKey('node').publicKey });
  expect(Buffer.from(opened.message).includes(Buffer.from(token.secret))).toBe(false);
  const records = answered.channel.seal(encodeEnrolAnswer(answer));
  if (typeof records === 'string') throw new Error(records);
  return node.handleFrame(records[0]);
}

const times = { notBefore: NOW, notAfter: unixSeconds(NOW + 1_000) };
function caPartOf(owner: string, ca = 'ca'): Uint8Array {
  return encodeCaPart(
    provider,
    {
      ...{ type: 1, mode: 0, edPk: edKey(owner).publicKey, vip6: undefined, vip4: Uint8Array.of(100, 64, 0, 1) },
      ...{ ...times, serial: new Uint8Array(8), routes: [], moreRoutes: false },
    },
    seedOf(ca),
  );
}

const gmsCertificate = (ca = 'ca') => encodeGmsCertificate(provider, { gmsKey: gms.publicKey, ...times }, seedOf(ca));
const GOOD: EnrolAnswer = {
  ...{ type: 'enrolled', network: 'lab', name: 'alice', caPart: caPartOf('node'), gmsCertificate: gmsCertificate() },
  ...{ ca: edKey('ca').publicKey, admin: edKey('admin').publicKey, pending: false, time: NOW },
};

describe('what an account server gives', () => {
  it('is taken when it is for this node and of one CA', () => {
    expect(enrolledWith(GOOD)).toMatchObject([{ kind: 'enrolled', gmsKey: gms.publicKey }]);
  });

  it.each<[string, EnrolAnswer]>([
    ['a certificate of another node', { ...GOOD, caPart: caPartOf('peer') }],
    ['a certificate of another CA', { ...GOOD, caPart: caPartOf('node', 'other') }],
    ['E1: a group management server of another CA', { ...GOOD, gmsCertificate: gmsCertificate('other') }],
    ['certificates that have ended', { ...GOOD, time: unixSeconds(NOW + 2_000) }],
  ])('is refused with %s', (_what, answer) => {
    expect(enrolledWith(answer)).toEqual([{ kind: 'over', fault: 'server-certificates' }]);
  });
});

describe('a channel', () => {
  it('W2: ends at whatever is no greeting, and says nothing to it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(channelOf().handleFrame(bytes)).toMatchObject([{ kind: 'over' }]);
      }),
    );
  });

  it('tells a server of another version from one that is none', () => {
    const newer = greeting.slice().fill(2, 0, 1);
    expect(channelOf().handleFrame(newer)).toEqual([{ kind: 'over', fault: 'server-version' }]);
    expect(CHANNEL_TROUBLE['server-version']).toMatchObject({
      code: 'server-speaks-otherwise',
      text: expect.stringMatching(/gscip [\d.]+, which speaks version 1/),
    });
  });

  it('E1: says nothing to a server that the token does not name', () => {
    const other = encodeGreeting({ asKey: gms.publicKey, gmsKey: gms.publicKey });
    expect(channelOf().handleFrame(other)).toEqual([{ kind: 'over', fault: 'server-not-named' }]);
  });

  it('ends at a reply that was changed, and is deaf afterwards', () => {
    const node = channelOf();
    node.handleFrame(greeting);
    const reply = encodeFrame('enrolReply', new Uint8Array(48));
    expect(node.handleFrame(reply)).toEqual([{ kind: 'over', fault: 'server-proof' }]);
    expect(node.handleFrame(greeting)).toEqual([]);
    expect(node.send({ type: 'ping' })).toEqual([]);
  });
});
