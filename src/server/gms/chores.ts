import { type Millis, millis, type NodeId, unixSeconds } from '../../base/brands.ts';
import { endedNodes, removeEndedNodes } from '../network/commands/membership-end.ts';
import { idleNodes, removeIdleNodes, touchNodes } from '../network/commands/nodes.ts';
import { nextScheduledWork, scheduledRolls } from '../network/commands/scheduled-rolls.ts';
import { forgetTokens, forgottenTokens } from '../network/commands/tokens.ts';
import type { Draft } from '../network/draft.ts';
import { admitWaiting, someoneWaits } from '../network/membership.ts';
import type { Tools } from '../network/tools.ts';
import type { HubContext } from './hub-context.ts';
import type { Moment } from './hub-effects.ts';
import type { Session } from './session.ts';

/** Who joins within so long shares a new version (milliseconds). */
export const ADMIT_EVERY = 250;
/** While the versions of the last admission are still being sent, the next one waits, but not longer than this. */
const ADMIT_AT_LATEST = 2_000;
const LOOK_EVERY = 1_000;
const NOTE_EVERY = 10_000;
const FORGET_EVERY = 3_600_000;
/** A sign of life is written when the written one is so old (seconds); of so many nodes at once. */
const SEEN_AFTER = 600;
const SEEN_AT_ONCE = 200;
const SERVER = { kind: 'server', name: 'scheduler' } as const;

type Chore = 'admit' | 'roll' | 'remove-idle' | 'end-memberships' | 'note-seen' | 'forget-tokens';

/** What a server does by itself, each of it by a command of the rules and never twice at the same time. */
export class Chores {
  readonly #context: HubContext;
  readonly #running = new Set<Chore>();
  readonly #lastAt = new Map<Chore, Millis>();
  /** nodes that went away since their last sign of life was written */
  readonly #departed = new Set<NodeId>();
  #isAdmissionDue = true;

  constructor(context: HubContext) {
    this.#context = context;
  }

  /** Somebody may have come who is to be a member. */
  lookForNewcomers(): void {
    this.#isAdmissionDue = true;
  }

  noteDeparture(node: NodeId): void {
    this.#departed.add(node);
  }

  /** `updatesWaiting`: so many nodes are still to be sent what was made before. */
  tick(sessions: ReadonlyMap<NodeId, Session>, updatesWaiting: number, moment: Moment): void {
    this.#admit(updatesWaiting, moment);
    this.#roll(moment);
    this.#removeIdle(sessions, moment);
    this.#endMemberships(moment);
    this.#noteSeen(sessions, moment);
    this.#forgetTokens(moment);
  }

  #admit(updatesWaiting: number, moment: Moment): void {
    const every = updatesWaiting > 0 ? ADMIT_AT_LATEST : ADMIT_EVERY;
    if (!this.#isAdmissionDue || !this.#isTimeFor('admit', every, moment)) return;
    this.#isAdmissionDue = false;
    if (!someoneWaits(this.#context.tools(moment.time), this.#context.view)) return;
    this.#run('admit', (tools, draft) => admitWaiting(tools, draft), moment);
  }

  #roll(moment: Moment): void {
    if (!this.#isTimeFor('roll', LOOK_EVERY, moment)) return;
    const next = nextScheduledWork(this.#context.view, moment.time);
    if (next === undefined || next > moment.time) return;
    this.#run('roll', (tools, draft) => scheduledRolls(tools, draft), moment);
  }

  #removeIdle(sessions: ReadonlyMap<NodeId, Session>, moment: Moment): void {
    if (!this.#isTimeFor('remove-idle', NOTE_EVERY, moment)) return;
    const connected = new Set(sessions.keys());
    if (idleNodes(this.#context.tools(moment.time), this.#context.view, connected).length === 0) return;
    this.#run('remove-idle', (tools, draft) => removeIdleNodes(tools, draft, connected), moment);
  }

  #endMemberships(moment: Moment): void {
    if (!this.#isTimeFor('end-memberships', LOOK_EVERY, moment)) return;
    if (endedNodes(this.#context.tools(moment.time), this.#context.view).length === 0) return;
    this.#run('end-memberships', (tools, draft) => removeEndedNodes(tools, draft), moment);
  }

  #noteSeen(sessions: ReadonlyMap<NodeId, Session>, moment: Moment): void {
    if (!this.#isTimeFor('note-seen', NOTE_EVERY, moment)) return;
    const nodes = [...this.#departed];
    this.#departed.clear();
    for (const [id, { heardAt }] of sessions) {
      if (nodes.length >= SEEN_AT_ONCE) break;
      const written = this.#context.view.get('nodes', id)?.lastSeen ?? heardAt;
      if (heardAt >= written + SEEN_AFTER || heardAt < written) nodes.push(id);
    }
    if (nodes.length > 0) this.#run('note-seen', (tools, draft) => touchNodes(tools, draft, nodes), moment, false);
  }

  #forgetTokens(moment: Moment): void {
    if (!this.#isTimeFor('forget-tokens', FORGET_EVERY, moment)) return;
    this.#lastAt.set('forget-tokens', moment.now);
    if (forgottenTokens(this.#context.view, moment.time).length === 0) return;
    this.#run('forget-tokens', (tools, draft) => forgetTokens(tools, draft), moment);
  }

  #isTimeFor(chore: Chore, every: number, { now }: Moment): boolean {
    const last = this.#lastAt.get(chore);
    return !this.#running.has(chore) && (last === undefined || now - last >= every);
  }

  #run(chore: Chore, command: (tools: Tools, draft: Draft) => unknown, { now }: Moment, audit = true): void {
    this.#lastAt.set(chore, now);
    this.#running.add(chore);
    this.#context.run({
      actor: SERVER,
      action: chore,
      detail: audit ? {} : { audit: false },
      command: (draft, tools) => {
        command(tools, draft);
      },
      settled: (error, moment) => {
        this.#running.delete(chore);
        if (error === undefined) return;
        if (chore === 'admit') this.#isAdmissionDue = true;
        // a database that is gone comes back: it is tried again, but not at once
        this.#lastAt.set(chore, millis(moment.now + LOOK_EVERY));
        this.#context.log('error', 'chore-failed', { chore, reason: String(error), at: unixSeconds(moment.time) });
      },
    });
  }
}
