import type { Refused } from '../../api/channel/refused.ts';
import { GscipError } from '../../base/errors.ts';
import { macCovered, verifyMac } from '../../crypto/enrolment.ts';
import { FailedLogins } from '../http/failed-logins.ts';
import { type Enrolled, enrol } from '../network/commands/enrol.ts';
import type { ChannelEffect } from './channel.ts';
import type { HubContext } from './hub-context.ts';
import type { Moment } from './hub-effects.ts';
import type { Connection } from './session.ts';

type EnrolEffect = Extract<ChannelEffect, { kind: 'enrol' }>;

/** Stands for the secret of a token that does not exist, so that asking takes the same time. */
const NO_SECRET = new Uint8Array(32);
/** One for all: bounds what the audit log grows by, from however many addresses tokens are guessed. */
const EVERYBODY = 'everybody';

/**
 * Decides enrolments by the rules, in the store, so that each that is told of is kept and each refusal is in the audit log.
 * Who fails too often is refused without a look at the token.
 */
export class Enrolments {
  readonly #context: HubContext;
  readonly #failures = new FailedLogins();

  constructor(context: HubContext) {
    this.#context = context;
  }

  handle(connection: Connection, effect: EnrolEffect, moment: Moment): void {
    const { source } = connection;
    const mayWrite = this.#failures.waitOf(EVERYBODY, moment.now) === 0 || this.#isProven(effect);
    if (this.#failures.waitOf(source, moment.now) > 0 || !mayWrite) {
      this.#context.log('warn', 'enrolment-slowed', { source, token: effect.request.tokenId });
      const text = 'too many failed attempts from this address; wait a minute';
      return this.#answer(connection, refused('too-many-attempts', text, moment), moment);
    }
    this.#redeem(connection, effect);
  }

  #redeem(connection: Connection, { request, claim }: EnrolEffect): void {
    const { tokenId: token, edPublic, name, mac } = request;
    const result: { enrolled?: Enrolled } = {};
    this.#context.run({
      actor: { kind: 'token', name: token },
      action: 'enrol',
      detail: { name, source: connection.source },
      command: (draft, tools) => {
        result.enrolled = enrol(tools, draft, { token, edPublic, name, mac, covered: macCovered(claim) });
      },
      settled: (error, moment) => {
        if (result.enrolled !== undefined && error === undefined) this.#accept(connection, result.enrolled, moment);
        else this.#refuse(connection, token, error, moment);
      },
    });
  }

  #accept(connection: Connection, { node, network, ca, admin, gmsCertificate }: Enrolled, moment: Moment): void {
    const { name, caPart, standing, id } = node;
    this.#context.log('info', 'enrolled', { node: id, name, standing, source: connection.source });
    const given = { network, name, caPart, gmsCertificate, ca, admin };
    const answer = { type: 'enrolled', ...given, pending: standing === 'pending', time: moment.time } as const;
    this.#context.emitSends(connection.id, connection.channel.answerEnrolment(answer, moment.now));
  }

  #refuse(connection: Connection, token: string, error: unknown, moment: Moment): void {
    const { id, channel, source } = connection;
    if (!(error instanceof GscipError) || error.code.startsWith('database')) {
      // no word about the token: the node comes again
      this.#context.log('error', 'enrolment-failed', { token, source, reason: String(error) });
      channel.close();
      return this.#context.emit({ kind: 'close', channel: id, reason: 'server-trouble' });
    }
    for (const each of [source, EVERYBODY]) this.#failures.handleFailure(each, moment.now);
    this.#context.log('warn', 'enrolment-refused', { token, source, code: error.code });
    this.#answer(connection, refused(error.code, `${error.message}. ${error.remedy}`, moment), moment);
  }

  #answer({ id, channel }: Connection, answer: Refused, { now }: Moment): void {
    this.#context.emitSends(id, channel.answerEnrolment(answer, now));
  }

  /** Whether the node has the secret of a token that this process knows; whatever the answer, it takes the same time. */
  #isProven({ request, claim }: EnrolEffect): boolean {
    const token = this.#context.view.get('tokens', request.tokenId);
    const good = verifyMac(this.#context.provider, claim, token?.secret ?? NO_SECRET, request.mac);
    return good && token !== undefined;
  }
}

function refused(code: string, text: string, { time }: Moment): Refused {
  return { type: 'refused', code, text, time };
}
