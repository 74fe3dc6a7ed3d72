// test-summary.js FOLDER [FAILED STEP…]: adds up the JSON results of vitest and prints 'N passed, N failed'.
// A step that failed without a failed test counts as one failure. A skipped test is a failure too, since tests say what to
// install; only the published vectors, which the repository does not hold, may be left out.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder, ...failedSteps] = process.argv.slice(2);
let passed = 0;
let failed = 0;
let skipped = 0;
for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
  const { numPassedTests, numFailedTests, numPendingTests, numFailedTestSuites } = JSON.parse(
    readFileSync(join(folder, file), 'utf8'),
  );
  passed += numPassedTests;
  failed += numFailedTests;
  skipped += numPendingTests;
  if (numFailedTests === 0) failed += numFailedTestSuites;
}
if (failedSteps.length > 0) console.log(`failed: ${failedSteps.join(', ')}`);
failed = Math.max(failed, failedSteps.length);
if (process.env.GSCIP_VECTORS !== undefined && skipped > 0) {
  console.log(`${skipped} skipped tests count as failed`);
  failed += skipped;
} else if (skipped > 0) {
  console.log('GSCIP_VECTORS is not set: the tests with published vectors were skipped');
}
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
