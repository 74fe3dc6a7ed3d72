import { describe, expect, it } from 'vitest';
import { blockOf, commandsOf } from '../guides/guide-page.ts';
import { plannedCommands } from '../guides/guide-plan.ts';
import { readText, repositoryFiles } from './repository.ts';

/** Pages whose commands are looked at (`documented-commands.test.ts`) and not run yet. */
const NOT_RUN_YET: readonly string[] = [];

/** Pages that a test in test/guides follows. */
function followed(): readonly string[] {
  const tests = repositoryFiles().filter((path) => /^test\/guides\/.*\.test\.ts$/.test(path));
  return tests.flatMap((path) => [...readText(path).matchAll(/follow\(\s*'([^']+)'/g)].map(([, page = '']) => page));
}

/** Pages for users that hold commands, with how many. */
function pagesWithCommands(): ReadonlyMap<string, number> {
  const pages = repositoryFiles().filter((path) => path === 'README.md' || /^docs\/guide\/.*\.md$/.test(path));
  const counts = pages.map((path) => [path, commandsOf(readText(path)).length] as const);
  return new Map(counts.filter(([, count]) => count > 0));
}

describe('the commands of the guides', () => {
  it('are run by tests, or their page is named here', () => {
    const pages = pagesWithCommands();
    const count = (paths: readonly string[]) => paths.reduce((sum, path) => sum + (pages.get(path) ?? 0), 0);
    if (NOT_RUN_YET.length > 0)
      console.log(
        `not run yet: ${count(NOT_RUN_YET)} commands of ${count([...pages.keys()])}, in ${NOT_RUN_YET.join(', ')}`,
      );
    expect(followed().toSorted()).toEqual([...pages.keys()].filter((path) => !NOT_RUN_YET.includes(path)).toSorted());
  });
});

describe('the commands of a page', () => {
  const page = `# Hosts
\`\`\`sh
# first
gscip up --new home   # on the Laptop
printf '%s\\n' \\
  a#b
\`\`\`
## On the desk
\`\`\`sh on desk
cat >x <<END
  # y

END
gscip status
\`\`\`
\`\`\`toml
a = 1
\`\`\`
`;

  it('are found with their lines and machines', () => {
    expect(plannedCommands(page, { machine: 'server' }, ['laptop', 'desk', 'server'])).toMatchObject([
      { line: 4, text: 'gscip up --new home', machine: 'laptop' },
      { line: 5, text: "printf '%s\\n' \\\n  a#b", machine: 'server' },
      { line: 10, text: 'cat >x <<END\n  # y\n\nEND', machine: 'desk' },
      { line: 14, text: 'gscip status', machine: 'desk' },
    ]);
    expect(blockOf(page, 'toml')).toBe('a = 1\n');
  });

  it.each([
    ['```bash\na\n```\n', {}, /write ```sh/],
    ['```sh on desk\na\n```\n', {}, /no reader sees that this is on desk/],
    ['```sh at desk\na\n```\n', {}, /is not "on MACHINE"/],
    ['```sh\na \\\n```\n', {}, /does not end/],
    ['```sh\na\n```\n', {}, /on which machine/],
    ['```sh\na\n```\n', { machine: 'moon' }, /on which machine/],
    ['```sh\na\n```\n', { machine: 'desk', steps: [{ command: 'b' }] }, /no such command in the page: b/],
    [
      '```sh\na\n```\n',
      { elsewhere: [{ command: 'a', test: 'test/rules/repository.ts', as: 'no such text' }] },
      /is not run by test\/rules\/repository.ts/,
    ],
  ])('are refused in %j', (text, plan, refusal) => {
    expect(() => plannedCommands(text, plan, ['desk'])).toThrow(refusal);
  });

  it('are not run twice where another test runs them', () => {
    const elsewhere = [{ command: 'a', test: 'test/rules/repository.ts', as: 'repositoryFiles' }];
    expect(plannedCommands('```sh\na\n```\n', { elsewhere }, [])).toMatchObject([{ text: 'a', step: undefined }]);
  });
});
