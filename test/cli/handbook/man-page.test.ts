import { describe, expect, it } from 'vitest';
import { manPage } from '../../../src/cli/handbook/man-page.ts';
import { EVERY, FACTS, runTool } from './facts.ts';

const PAGE = manPage(FACTS, '1.2.3');

/** What a reader sees of the page; bold is a letter, a backspace, and the letter again. */
function shown(page: string): string {
  const struck = runTool('mandoc', ['-Tutf8'], page).split('\b');
  return struck.map((part, at) => (at < struck.length - 1 ? part.slice(0, -1) : part)).join('');
}

/** Headings and what stands below each, on one line. */
function partsOf(text: string): ReadonlyMap<string, string> {
  const parts = text.split(/^ {0,3}(?=\S)/m).map((part) => part.split(/\n(?= {7})/));
  return new Map(parts.map(([heading = '', ...lines]) => [oneLine(heading), oneLine(lines.join(' '))]));
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

describe('the man page', () => {
  const parts = partsOf(shown(PAGE));

  it('is well-formed', () => {
    expect(runTool('mandoc', ['-Tlint', '-Wwarning'], PAGE)).not.toMatch(/(WARNING|ERROR|UNSUPP)(?!.*missing date)/);
    expect(runTool('mandoc', ['-Tlint', '-Wwarning'], `${PAGE}.SH\n.TP\n`)).toMatch(/WARNING/);
  });

  it('names the version', () => {
    expect(shown(PAGE)).toContain('gscip 1.2.3');
  });

  it.each(
    EVERY.map((facts) => [facts.words.join(' '), facts] as const),
  )('has "%s" with each option and example', (_, facts) => {
    const usage = facts.arguments.map(({ written }) => written);
    const part = parts.get(['gscip', ...facts.words, ...usage].join(' '));
    for (const { long, short, value = '', meaning } of facts.options) {
      expect(part).toContain([short, `${long} ${value}`.trim()].filter(Boolean).join(', '));
      expect(part).toContain(oneLine(meaning));
    }
    for (const [line, meaning] of facts.examples)
      for (const each of [line, meaning]) expect(part).toContain(oneLine(each));
  });

  it('shows dots, quotes and backslashes at the beginning of a line as they are', () => {
    const facts = {
      words: ['x'],
      summary: '',
      description: '.SH "no\\nheading" -- ok',
      arguments: [],
      options: [],
      examples: [],
      below: [],
    };
    expect(shown(manPage([facts], '1'))).toContain('.SH "no\\nheading" -- ok');
  });
});
