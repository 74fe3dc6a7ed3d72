import { Redactor } from './redactor.ts';
import type { TarFile } from './tar.ts';

/** What a bundle is made from, as it was collected; nothing is redacted yet. */
export interface Collected {
  readonly at: Date;
  /** what the agent answered, by the name of its file; what could not be had is an error's text */
  readonly answers: Readonly<Record<string, unknown>>;
  /** what other programs printed, and metrics */
  readonly texts: Readonly<Record<string, string>>;
  /** the newest lines of the agent's log */
  readonly log: readonly string[];
  /** by name: settings are no answer of their own, since their names are none of anybody */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly hostname: string;
}

/** The files of a bundle, redacted, with a list of what was taken out. */
export function bundleFiles(collected: Collected, options: { readonly redact: boolean }): TarFile[] {
  const { at, answers, texts, log, settings, hostname } = collected;
  const redactor = new Redactor({ names: options.redact });
  const lines = log.map(parsedLine);
  learn(redactor, collected, lines);
  const files: [name: string, text: string][] = [
    ...Object.entries(answers).map(
      ([name, answer]) => [name, json(redactor.value(answer))] as const satisfies [string, string],
    ),
    ['settings.json', json(redactor.value(settings))],
    ['log.jsonl', lines.map((line) => `${JSON.stringify(redactor.value(line))}\n`).join('')],
    [
      'system.json',
      json(redactor.value({ at: at.toISOString(), hostname, kernel: collected.texts['kernel'] ?? null })),
    ],
    ...Object.entries(texts)
      .filter(([name]) => name !== 'kernel')
      .map(([name, text]) => [name, redactor.text(text)] as const satisfies [string, string]),
  ];
  const redacted = { schema: 1, pseudonyms: options.redact, redacted: redactor.report() };
  files.unshift(['README.txt', readme(options.redact)], ['redacted.json', json(redacted)]);
  return files.map(([name, text]) => ({ name: `gscip-debug/${name}`, bytes: Buffer.from(text) }));
}

function learn(redactor: Redactor, { answers, texts, settings, hostname }: Collected, lines: readonly unknown[]): void {
  for (const answer of [...Object.values(answers), ...lines]) redactor.learnFrom(answer);
  for (const label of (texts['metrics.txt'] ?? '').matchAll(/\b(peer|group)="((?:[^"\\]|\\.)*)"/g))
    redactor.learn(label[1] === 'peer' ? 'node' : 'group', (label[2] ?? '').replace(/\\(.)/g, '$1'));
  redactor.learn('host', hostname);
  for (const part of hostname.split('.').slice(0, 1)) redactor.learn('host', part);
  const { name, server, peer } = settings;
  if (typeof name === 'string') redactor.learn('node', name);
  for (const each of listed(peer)) redactor.learn('node', each.split('=', 1)[0]);
  for (const each of listed(server)) redactor.learn('host', hostOf(each));
  for (const url of JSON.stringify(answers).matchAll(/\b(?:https?|wss?):\/\/([^/"\\\s]+)/g))
    redactor.learn('host', hostOf(url[1] ?? ''));
}

function listed(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** Numbers are addresses, which are found by their shape. */
function hostOf(place: string): string {
  const host = place.replace(/:\d+$/, '');
  return /^[\d.]*$|[[\]]/.test(host) ? '' : host;
}

function parsedLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return { line };
  }
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function readme(isRedacted: boolean): string {
  const what = isRedacted
    ? 'Addresses, names of nodes, groups, networks, hosts and users, and ids are pseudonyms, the same one in every file.\nredacted.json says how many of each kind there were. Times, counters, ports, sizes, versions and codes are as they were.'
    : 'Made with --no-redact: names and addresses are as they are. redacted.json says what was removed nonetheless.';
  return `What "gscip debug bundle" collected on one machine. Nothing was sent anywhere.\nKeys, tokens and passwords are never in here.\n${what}\nLook through it before you give it to somebody.\n`;
}
