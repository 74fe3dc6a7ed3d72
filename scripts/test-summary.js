// test-summary.js FOLDER [FAILED STEP…]: adds up the JSON results of vitest and prints 'N passed, N failed'.
// A step that failed without a failed test counts as one failure; a skipped test is a failure too: tests say what to install.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder, ...failedSteps] = process.argv.slice(2);
let passed = 0;
let failed = 0;
for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
  const { numPassedTests, numFailedTests, numPendingTests, numFailedTestSuites } = JSON.parse(
    readFileSync(join(folder, file), 'utf8'),
  );
  passed += numPassedTests;
  failed += numFailedTests + numPendingTests;
  if (numPendingTests > 0) console.log(`${file}: ${numPendingTests} skipped tests count as failed`);
  if (numFailedTests === 0) failed += numFailedTestSuites;
}
if (failedSteps.length > 0) console.log(`failed: ${failedSteps.join(', ')}`);
failed = Math.max(failed, failedSteps.length);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
