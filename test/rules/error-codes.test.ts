import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { FLOW_STATUS_NAMES } from '../../src/base/flow-words.ts';
import { PRIMITIVE_COUNTERS } from '../../src/base/primitives.ts';
import { RELAY_DROPS } from '../../src/base/relay-primitives.ts';
import { FAILURES } from '../../src/dprp/effects.ts';
import { NET_FINDINGS } from '../../src/nat/net-findings.ts';
import { CONFIGURED_REASONS, PATH_REASONS } from '../../src/nat/path-reason.ts';
import { GATEWAY_COUNTERS } from '../../src/node/gateway/gateway-rules.ts';
import { GUARD_COUNTERS } from '../../src/node/lock/lock-rules.ts';
import { REASONS } from '../../src/node/reasons.ts';
import { CLOSE_CAUSES } from '../../src/pit/terms.ts';
import { parse, readText, typescriptFiles, visitAll } from './repository.ts';

const PAGE = 'docs/guide/troubleshooting.md';
/** Folders whose errors are for those who work on GSCIP, not for those who run it. */
const NOT_SHOWN = /^src\/cli\/lab\//;

/** Where metrics are named. */
const METRICS = [
  'src/node/metrics.ts',
  'src/server/http/metrics.ts',
  'src/server/metrics-registry.ts',
  'src/server/relay-metrics.ts',
];

/** A code as sources write it: whole, or its fixed beginning followed by "…". */
type Names = ReadonlySet<string>;

/** What may stand as a code: literals, templates by their beginning, either side of a choice. */
function namesOf(node: ts.Expression | undefined): readonly string[] {
  if (node === undefined) return [];
  if (ts.isStringLiteralLike(node)) return [node.text];
  if (ts.isTemplateExpression(node)) return node.head.text === '' ? [] : [`${node.head.text}…`];
  if (ts.isConditionalExpression(node)) return [...namesOf(node.whenTrue), ...namesOf(node.whenFalse)];
  if (ts.isParenthesizedExpression(node)) return namesOf(node.expression);
  return [];
}

function collect(files: readonly ts.SourceFile[], find: (node: ts.Node) => readonly string[]): Names {
  const names = new Set<string>();
  for (const file of files)
    visitAll(file, (node) => {
      for (const name of find(node)) names.add(name);
    });
  return names;
}

/** Codes of GscipError, and those that the control socket refuses a request with. */
function errorCodes(node: ts.Node): readonly string[] {
  if (ts.isNewExpression(node) && node.expression.getText() === 'GscipError') return namesOf(node.arguments?.[0]);
  if (ts.isCallExpression(node) && node.expression.getText() === 'refuse') return namesOf(node.arguments[1]);
  return [];
}

/** Bundle faults become codes as they are: the members of the two types that name them. */
function bundleFaults(node: ts.Node): readonly string[] {
  if (ts.isLiteralTypeNode(node) && ts.isStringLiteral(node.literal)) {
    return node.literal.text.startsWith('bundle-') ? [node.literal.text] : [];
  }
  return ts.isTemplateLiteralTypeNode(node) && node.head.text.startsWith('bundle-') ? [`${node.head.text}…`] : [];
}

/** Objects with a code and a text: lines of health. */
function healthCodes(node: ts.Node): readonly string[] {
  if (!ts.isObjectLiteralExpression(node)) return [];
  const field = (name: string) =>
    node.properties.find((each) => ts.isPropertyAssignment(each) && each.name.getText() === name);
  const code = field('code');
  return code && ts.isPropertyAssignment(code) && field('text') ? namesOf(code.initializer) : [];
}

const LEVELS = ['info', 'warn', 'error'];

/** What is logged: a level, then the name of the event. */
function logEvents(node: ts.Node): readonly string[] {
  if (!ts.isCallExpression(node)) return [];
  const [level, event] = node.arguments;
  return level && ts.isStringLiteral(level) && LEVELS.includes(level.text) ? namesOf(event) : [];
}

/** The element on the path: its counters are the node's under `element-hop-`. */
const NOT_RUN = /^src\/dprp\/hop/;
/** Types whose members are counters' names as they are. */
const COUNTED_TYPES = ['HeldDrop', 'FragmentFault', 'Refusal', 'NoRoom', 'ClaimFault', 'IcmpErrorName'];
const COUNTING =
  /^(.*\.)?counters\.add$|^(.*\.)?#?node\.incident$|^(.*\.)?held\.drop$|^(.*\.)?#?(effects|out)\.count$|^(count|counter|unchanged|this\.#dropped|this\.#count|this\.#befell)$/;

/** Counters that are named where they are counted. */
function counterNames(node: ts.Node): readonly string[] {
  if (ts.isObjectLiteralExpression(node)) return effectCounter(node);
  if (ts.isPropertyAssignment(node) && node.name.getText() === 'counter') return namesOf(node.initializer);
  if (ts.isTypeAliasDeclaration(node) && COUNTED_TYPES.includes(node.name.text)) return membersOf(node.type);
  if (!ts.isCallExpression(node) || !COUNTING.test(node.expression.getText())) return [];
  return node.arguments.flatMap((each) => namesOf(each));
}

function membersOf(type: ts.TypeNode): readonly string[] {
  if (!ts.isUnionTypeNode(type)) return [];
  return type.types.flatMap((each) =>
    ts.isLiteralTypeNode(each) && ts.isStringLiteral(each.literal) ? [each.literal.text] : [],
  );
}

function effectCounter(node: ts.ObjectLiteralExpression): readonly string[] {
  const [kind, name] = ['kind', 'name'].map((wanted) =>
    node.properties.find((each) => ts.isPropertyAssignment(each) && each.name.getText() === wanted),
  );
  if (!kind || !name || !ts.isPropertyAssignment(kind) || !ts.isPropertyAssignment(name)) return [];
  return namesOf(kind.initializer).includes('counter') ? namesOf(name.initializer) : [];
}

/** The codes in the first column of a section's tables. */
function documented(page: string, heading: string): Names {
  const section = page.split(/^## /m).find((each) => each.startsWith(`${heading}\n`)) ?? '';
  const cells = [...section.matchAll(/^\| (`[^|]*) \|/gm)].map(([, cell]) => cell ?? '');
  return new Set(cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? '')));
}

function difference(wanted: Names, there: Names) {
  return {
    missing: [...wanted].filter((name) => !there.has(name)).sort(),
    stale: [...there].filter((name) => !wanted.has(name)).sort(),
  };
}

const NONE = { missing: [], stale: [] };

describe('the search for codes', () => {
  const row = (text: string, find: (node: ts.Node) => readonly string[]) => [...collect([parse('row.ts', text)], find)];
  it.each([
    ["throw new GscipError('a-b', 'text')", errorCodes, ['a-b']],
    ["new GscipError(x ? 'a' : 'b', 'c')", errorCodes, ['a', 'b']],
    [`refuse(socket, \`bad-\${why}\`, "text")`, errorCodes, ['bad-…']],
    [`type A = 'bundle-x' | \`bundle-y-\${B}\` | 'other'`, bundleFaults, ['bundle-x', 'bundle-y-…']],
    ["lines.push({ code: 'c', text: 't' }, { code: 'no' })", healthCodes, ['c']],
    [`node.counters.add('a'); count(\`b-\${c}\`); this.#dropped('d')`, counterNames, ['a', 'b-…', 'd']],
    ["log.log('warn', 'g-h', {}); this.#log('info', code); log.error('i', 'j')", logEvents, ['g-h']],
    [`this.#effects.count('f'); ({ counter: \`g-\${h}\` })`, counterNames, ['f', 'g-…']],
    ["({ kind: 'counter', name: 'e' }); ({ kind: 'send', name: 'f' })", counterNames, ['e']],
  ] as const)('finds in %s', (text, find, expected) => {
    expect(row(text, find)).toEqual(expected);
  });

  it('finds in a page what the first column of a section names', () => {
    const page = '## One\n| `a`, `b-…` | `c` |\n| d | `e` |\n## Two\n| `f` | g |';
    expect([...documented(page, 'One')]).toEqual(['a', 'b-…']);
  });
});

describe('the page on troubleshooting', () => {
  const page = readText(PAGE);
  const files = typescriptFiles('src')
    .filter((path) => !NOT_SHOWN.test(path))
    .map((path) => parse(path));

  it('explains every error code, and no code that is not there', () => {
    const codes = new Set([...collect(files, errorCodes), ...collect(files, bundleFaults)]);
    expect(codes.size).toBeGreaterThan(60);
    expect(difference(codes, documented(page, 'Error codes'))).toEqual(NONE);
  });

  it('explains every health code', () => {
    const codes = collect(files, healthCodes);
    expect(codes.size).toBeGreaterThan(3);
    expect(difference(codes, documented(page, 'Health codes'))).toEqual(NONE);
  });

  it('explains every reason of a path', () => {
    const reasons = new Set(Object.keys({ ...PATH_REASONS, ...CONFIGURED_REASONS }));
    expect(difference(reasons, documented(page, 'Path reasons'))).toEqual(NONE);
  });

  it('explains every finding of netcheck', () => {
    expect(difference(new Set(Object.keys(NET_FINDINGS)), documented(page, 'Findings of netcheck'))).toEqual(NONE);
  });

  it('explains every reason of a PIT entry', () => {
    const reasons = new Set<string>(REASONS.filter((reason) => reason !== ''));
    expect(difference(reasons, documented(page, 'Reasons'))).toEqual(NONE);
    expect(FAILURES.filter((failure) => !reasons.has(failure))).toEqual([]);
  });

  it('explains every metric', () => {
    const sources = METRICS.map((path) => readText(path));
    const names = sources.join('').match(/(?<=')(gscip|process)_[a-z_]+(?=')/g) ?? [];
    expect(difference(new Set(names), documented(page, 'Metrics'))).toEqual(NONE);
  });

  it('explains every event of the log', () => {
    const events = collect(files, logEvents);
    expect(events.size).toBeGreaterThan(40);
    expect(difference(events, documented(page, 'Log events'))).toEqual(NONE);
  });

  it('explains every counter', () => {
    const run = files.filter(({ fileName }) => !NOT_RUN.test(fileName));
    const names = new Set<string>([
      ...PRIMITIVE_COUNTERS,
      ...RELAY_DROPS,
      ...Object.values(GATEWAY_COUNTERS),
      ...Object.values(GUARD_COUNTERS),
      ...FLOW_STATUS_NAMES.filter((name) => name !== 'ok'),
      'created',
      'too-many-groups',
      ...CLOSE_CAUSES,
      ...collect(run, counterNames),
    ]);
    expect(difference(names, documented(page, 'Counters'))).toEqual(NONE);
  });
});
