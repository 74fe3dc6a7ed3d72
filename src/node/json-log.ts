import { LOG_LEVELS, type LogFields, type Logger, type LogLevel } from '../base/log.ts';

/** Lines of one event per second; what is above is counted and told in the next line of that event. */
const PER_SECOND = 10;

/** Lines that are kept for whoever asks later. */
const RECENT = 500;

interface Budget {
  second: number;
  used: number;
  suppressed: number;
}

/** Writes JSON lines, at most ten per event and second, so that no peer can fill a disk. */
export class JsonLog implements Logger {
  readonly #write: (line: string) => void;
  #least: number;
  readonly #clock: () => Date;
  readonly #recent: string[] = [];
  #written = 0;
  readonly #budgets = new Map<string, Budget>();

  constructor(write: (line: string) => void, least: LogLevel, clock: () => Date = () => new Date()) {
    this.#write = write;
    this.#least = LOG_LEVELS.indexOf(least);
    this.#clock = clock;
  }

  /** Milder lines are left out from now on. */
  setLevel(least: LogLevel): void {
    this.#least = LOG_LEVELS.indexOf(least);
  }

  log(level: LogLevel, event: string, fields: LogFields): void {
    if (LOG_LEVELS.indexOf(level) < this.#least) return;
    const now = this.#clock();
    const suppressed = this.#take(event, Math.floor(now.getTime() / 1000));
    if (suppressed === undefined) return;
    const line = { time: now.toISOString(), level, event, ...fields, ...(suppressed > 0 && { suppressed }) };
    const text = JSON.stringify(line);
    this.#recent[this.#written % RECENT] = text;
    this.#written += 1;
    this.#write(`${text}\n`);
  }

  /** Its newest lines, oldest first, without their ends. */
  recent(): readonly string[] {
    const begin = this.#written > RECENT ? this.#written % RECENT : 0;
    return [...this.#recent.slice(begin), ...this.#recent.slice(0, begin)];
  }

  /** The number of lines left out since the last one of this event, or undefined when this one is left out too. */
  #take(event: string, second: number): number | undefined {
    const budget = this.#budgets.get(event) ?? { second, used: 0, suppressed: 0 };
    this.#budgets.set(event, budget);
    if (budget.second !== second) {
      budget.second = second;
      budget.used = 0;
    }
    if (budget.used >= PER_SECOND) {
      budget.suppressed += 1;
      return undefined;
    }
    budget.used += 1;
    const { suppressed } = budget;
    budget.suppressed = 0;
    return suppressed;
  }
}
