import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlRequest } from '../api/control.ts';
import type { DownAnswer } from '../api/lock.ts';
import type { ReloadAnswer } from '../api/questions.ts';
import type { RereadAnswer } from '../api/settings.ts';
import type { StatusAnswer } from '../api/status.ts';
import type { Millis } from '../base/brands.ts';
import { GscipError } from '../base/errors.ts';
import { entriesFrom } from '../pit/listing.ts';
import { hasKeys, pitEntryAnswer, relayedAnswer } from './answers.ts';
import type { Capture } from './capture.ts';
import type { ControlReply } from './control-socket.ts';
import type { Engine } from './engine.ts';
import { explainAnswer } from './explain.ts';
import { metricsText } from './metrics.ts';
import { netcheckFacts } from './netcheck.ts';
import type { NodeEffect } from './node-effects.ts';
import type { PacketIo } from './packet-io.ts';
import { Pings } from './pings.ts';
import { PitWatchers } from './pit-watchers.ts';
import type { NodeLog } from './settings/live-settings.ts';
import type { Settings } from './settings/settings.ts';
import { whoisAnswer } from './whois.ts';

/** How long `wait` waits for one answer before it asks again, in milliseconds. */
const WAIT_PING = 1_000;

/** How long `netcheck` waits for what the node is finding out, and how often it looks; milliseconds. */
const NETCHECK_PATIENCE = 3_000;
const NETCHECK_LOOK = 100;

type CaptureRequest = Extract<ControlRequest, { verb: 'capture' }>;

/** What the answers need of the agent, beside the engine. */
export interface AgentCalls {
  now(): Millis;
  uptimeSeconds(): number;
  random(length: number): Uint8Array;
  status(): Promise<StatusAnswer>;
  /** what an orderly end leaves behind */
  whatStays(): DownAnswer;
  /** the protocol by which a router maps this node's port */
  mappedBy(): string | undefined;
  reload(): Promise<ReloadAnswer>;
  /** tells the server farewell and forgets who this node was; then it has to stop */
  logout(): Promise<void>;
  readonly settings: Settings;
  readonly log: NodeLog;
  readonly capture: Capture;
  /** reads the file of settings and keys again */
  reread(): Promise<RereadAnswer>;
  /** carries out what the engine was just asked for */
  afterBatch(): void;
  stop(reason: string): void;
}

/** Answers to the control socket, and the clients that follow something. */
export class AgentAnswers {
  readonly #engine: Engine;
  readonly #io: PacketIo;
  readonly #calls: AgentCalls;
  readonly #pings: Pings;
  readonly #watchers: PitWatchers;
  readonly #traces = new Set<ControlReply>();
  /** the same for whoever asks: the control socket, or HTTP */
  readonly metrics = {
    text: (): string => metricsText(this.#engine, this.#io, this.#calls.uptimeSeconds()),
    isWell: (): boolean => hasKeys(this.#engine),
  };

  constructor(engine: Engine, io: PacketIo, calls: AgentCalls) {
    this.#engine = engine;
    this.#io = io;
    this.#calls = calls;
    this.#pings = new Pings({
      challenge: (peer, token) => {
        const sent = engine.ping(peer, token, calls.now());
        calls.afterBatch();
        return sent;
      },
      random: (length) => calls.random(length),
    });
    this.#watchers = new PitWatchers(engine, () => calls.now());
  }

  /** Undefined where everything was sent already. */
  async answer(request: ControlRequest, reply: ControlReply): Promise<object | undefined> {
    switch (request.verb) {
      case 'status':
        return this.#calls.status();
      case 'pit-list':
        return this.#pitList(request.limit);
      case 'pit-watch':
        return this.#watchers.add(reply, request.open);
      case 'pit-flush':
        return this.#flush(request.sas);
      case 'explain':
        return explainAnswer(this.#engine, request.flow, this.#calls.now());
      case 'ping':
        return this.#pings.ping(this.#target(request.target), request.count, request.timeoutMs);
      case 'wait':
        return this.#wait(request.peer, request.timeoutMs);
      case 'netcheck':
        return this.#netcheck();
      case 'metrics':
        return { schema: 1, text: this.metrics.text() };
      case 'key-reload':
        return this.#calls.reload();
      case 'trace':
        this.#traces.add(reply);
        reply.onClose(() => this.#traces.delete(reply));
        return reply.closed;
      case 'logout':
        await this.#calls.logout();
        reply.send({ schema: 1, loggedOut: true });
        this.#calls.stop('asked by gscip logout');
        return reply.closed;
      case 'whois':
        return whoisAnswer(this.#engine, request.address, this.#calls.now());
      case 'settings':
        return { schema: 1, settings: this.#calls.settings.list(request.name) };
      case 'set':
        return { schema: 1, changed: await this.#calls.settings.change(request.changes) };
      case 'capture':
        return this.#captureOf(request, reply);
      case 'log':
        return { schema: 1, lines: this.#calls.log.recent() };
      case 'reload':
        return this.#calls.reread();
      case 'down':
        reply.send(this.#calls.whatStays());
        this.#calls.stop('asked by gscip down');
        return reply.closed;
    }
  }

  /** Whoever follows something hears that it is over. */
  stop(): void {
    this.#watchers.stop();
    this.#calls.capture.end('agent-stopped');
  }

  handlePathResponse({ token, path }: Extract<NodeEffect, { kind: 'path-response' }>): void {
    this.#pings.handleResponse(token, path);
  }

  handleTrace(trace: Extract<NodeEffect, { kind: 'trace' }>): void {
    for (const reply of this.#traces) reply.send({ schema: 1, ...trace });
  }

  #flush(sas: boolean): object {
    const flushed = this.#engine.flush(sas, this.#calls.now());
    this.#calls.afterBatch();
    return { schema: 1, ...flushed };
  }

  /** One at a time; that it happens is in the log. */
  async #captureOf({ peer, seconds, bytes }: CaptureRequest, reply: ControlReply): Promise<undefined> {
    const { capture, log } = this.#calls;
    const { id, name } = this.#target(peer);
    if (capture.isRunning)
      throw new GscipError('capture-running', 'a capture is under way already', 'wait for its end, or stop it there');
    log.log('warn', 'capture-begun', { peer: name, seconds });
    const timer = setTimeout(() => capture.end('time'), seconds * 1_000);
    await capture.begin(id, bytes, reply);
    clearTimeout(timer);
    log.log('warn', 'capture-ended', { peer: name });
  }

  #target(text: string) {
    const { directory, keys } = this.#engine.node;
    const member = directory.find(text);
    if (!member || member.id === keys.self().id)
      throw new GscipError('unknown-peer', `no peer is called "${text}"`, '"gscip status" lists the peers');
    return { id: member.id, name: member.name, address: member.addresses[0] ?? '' };
  }

  async #wait(peer: string | undefined, timeoutMs: number): Promise<object> {
    if (peer === undefined) return { schema: 1, ready: true };
    const target = this.#target(peer);
    const until = performance.now() + timeoutMs;
    // short ones in turn: a single challenge may be lost
    for (let left = timeoutMs; left > 0; left = until - performance.now()) {
      const answer = await this.#pings.ping(target, 1, Math.min(WAIT_PING, left));
      if (answer.replies.length > 0) return { schema: 1, ready: true, peer };
    }
    throw new GscipError('no-answer', `"${peer}" did not answer within ${timeoutMs / 1000} s`, 'see "gscip status"');
  }

  /** What is being asked right now is waited for, but not for long. */
  async #netcheck(): Promise<object> {
    const { server } = await this.#calls.status();
    const facts = () => netcheckFacts(this.#engine, this.#io.facts(), server, this.#calls.mappedBy());
    const until = performance.now() + NETCHECK_PATIENCE;
    while (!facts().complete && performance.now() < until) await sleep(NETCHECK_LOOK);
    return facts();
  }

  #pitList(limit: number): object {
    const { pit } = this.#engine.node;
    const entries: object[] = [];
    for (const entry of entriesFrom(pit)) {
      if (entries.length >= limit) break;
      entries.push(pitEntryAnswer(this.#engine, entry, this.#calls.now()));
    }
    const { relays } = this.#engine.elements.relay;
    const now = this.#calls.now();
    const relayed = relays
      .list()
      .slice(0, limit)
      .map((each) => relayedAnswer(this.#engine, each, now));
    return { schema: 1, entries, relayed, total: pit.entries.live };
  }
}
