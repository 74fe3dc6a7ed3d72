import { expect, it } from 'vitest';
import { inTurn } from '../../src/node/in-turn.ts';

it.each([
  ['before the first', 0, []],
  ['during the second', 2, ['1', '1 done', '2', '2 done']],
  ['never', 9, ['1', '1 done', '2', '2 done', '3', '3 done']],
] as const)('steps go on in order until they are broken off %s; the one under way is done before that', async (_when, at, taken) => {
  const end = new AbortController();
  if (at === 0) end.abort(new Error('ended'));
  const said: string[] = [];
  const step = (number: number) => async () => {
    said.push(`${number}`);
    if (number === at) end.abort(new Error('ended'));
    await Promise.resolve();
    said.push(`${number} done`);
  };
  const result = inTurn(end.signal, [step(1), step(2), step(3)]).then(
    () => 'done',
    (error: unknown) => String(error),
  );
  expect(await result).toBe(at === 9 ? 'done' : 'Error: ended');
  expect(said).toEqual(taken);
});
