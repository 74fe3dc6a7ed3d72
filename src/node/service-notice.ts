import { execFile } from 'node:child_process';
import { utf8 } from '../base/bytes.ts';
import { usedAddon } from '../native/addon.ts';

/** Sends one notice to the socket that the manager named; a notice that is lost is not worth an error. */
type Send = (socket: string, text: string) => void;

/** What the manager gave this process; each name is taken out, so that no child takes itself for the service. */
const NAMES = { socket: 'NOTIFY_SOCKET', watchdog: 'WATCHDOG_USEC', pid: 'WATCHDOG_PID' } as const;

/**
 * Tells the service manager that started this process where it stands (sd_notify(3), units of type notify); without one it
 * does nothing.
 */
export class ServiceNotice {
  readonly #socket: string | undefined;
  readonly #send: Send;
  #watchdog: NodeJS.Timeout | undefined;

  constructor(socket: string | undefined, watchdogMs: number | undefined, send: Send = sendNotice) {
    this.#socket = socket;
    this.#send = send;
    if (socket !== undefined && watchdogMs !== undefined)
      this.#watchdog = setInterval(() => this.#tell('WATCHDOG=1'), watchdogMs / 2).unref();
  }

  /** By the environment, once for this process. */
  static take(env: NodeJS.ProcessEnv = process.env, send?: Send): ServiceNotice {
    const { [NAMES.socket]: socket, [NAMES.watchdog]: microseconds, [NAMES.pid]: pid } = env;
    for (const name of Object.values(NAMES)) delete env[name];
    const isOurs = pid === undefined || Number(pid) === process.pid;
    const watchdogMs = isOurs && Number(microseconds) > 0 ? Number(microseconds) / 1_000 : undefined;
    return new ServiceNotice(socket || undefined, watchdogMs, send);
  }

  /** From now on it does what it is for; `status` is one line for people. */
  ready(status: string): void {
    this.#tell(`READY=1\nSTATUS=${status}`);
  }

  stopping(): void {
    clearInterval(this.#watchdog);
    this.#tell('STOPPING=1');
  }

  #tell(text: string): void {
    if (this.#socket !== undefined) this.#send(this.#socket, text);
  }
}

function sendNotice(socket: string, text: string): void {
  const addon = usedAddon();
  if (typeof addon !== 'string') addon.noticeSend(utf8(socket), utf8(text));
  else
    execFile('systemd-notify', text.split('\n'), { env: { ...process.env, [NAMES.socket]: socket } }, () => undefined);
}
