// test-summary.js FOLDER [FAILED STEP…]: adds up the JSON results of vitest, names what failed and prints 'N passed, N failed'.
// A step that failed without a failed test counts as one failure. A skipped test is a failure too, since tests say what to
// install; only the published vectors, which the repository does not hold, may be left out. The results of a file that ran once
// more by itself ('again.json') count instead of its first ones, and are named as unsteady.
// test-summary.js --failed-files FILE.json…: the files with a failure, one in a line.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Test files of one result of vitest: `{ name, status, message, assertionResults }`. */
const filesOf = (path) => JSON.parse(readFileSync(path, 'utf8')).testResults;

const hasFailed = (file) => file.status === 'failed' || file.assertionResults.some((test) => test.status === 'failed');

/** One line for each failed test of a file, or for the file itself when it failed outside of its tests. */
const failuresOf = (file) => {
  const where = relative(process.cwd(), file.name);
  const firstLine = (text) => (text ?? '').split('\n')[0];
  const lines = file.assertionResults
    .filter((test) => test.status === 'failed')
    .map((test) => `${where}: ${test.fullName}: ${firstLine(test.failureMessages?.[0])}`);
  return lines.length > 0 || !hasFailed(file) ? lines : [`${where}: ${firstLine(file.message)}`];
};

const count = (files, status) => files.flatMap((file) => file.assertionResults).filter((test) => test.status === status).length;

const summarize = (folder, failedSteps) => {
  const results = new Map(readdirSync(folder).map((name) => [name, join(folder, name)]));
  const again = results.has('again.json') ? filesOf(results.get('again.json')) : [];
  results.delete('again.json');
  const first = [...results].filter(([name]) => name.endsWith('.json')).flatMap(([, path]) => filesOf(path));
  const isRepeated = (file) => again.some((other) => other.name === file.name);
  const unsteady = first.filter((file) => isRepeated(file));
  const counted = [...first.filter((file) => !isRepeated(file)), ...again];

  const failures = counted.flatMap(failuresOf);
  const passed = count(counted, 'passed');
  const skipped = count(counted, 'pending') + count(counted, 'skipped') + count(counted, 'todo');
  let failed = Math.max(failures.length, failedSteps.length);
  for (const line of unsteady.flatMap(failuresOf)) console.log(`unsteady, ran once more by itself: ${line}`);
  for (const line of failures) console.log(`failed: ${line}`);
  if (failedSteps.length > 0) console.log(`failed: ${failedSteps.join(', ')}`);
  if (process.env.GSCIP_VECTORS !== undefined && skipped > 0) {
    console.log(`${skipped} skipped tests count as failed`);
    failed += skipped;
  } else if (skipped > 0) {
    console.log('GSCIP_VECTORS is not set: the tests with published vectors were skipped');
  }
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
};

const [task, ...rest] = process.argv.slice(2);
if (task === '--failed-files') {
  for (const path of rest.filter((each) => existsSync(each))) {
    for (const file of filesOf(path)) if (hasFailed(file)) console.log(relative(process.cwd(), file.name));
  }
} else {
  summarize(task, rest);
}
