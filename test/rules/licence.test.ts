import { expect, it } from 'vitest';
import { readText } from './repository.ts';

it('the licence is Apache-2.0, in its file and in the manifest', () => {
  expect(readText('LICENSE')).toMatch(/^\s*Apache License\n\s*Version 2\.0, January 2004/);
  const manifest: unknown = JSON.parse(readText('package.json'));
  expect(manifest).toMatchObject({ name: 'gscip', license: 'Apache-2.0' });
});
