/* A process of its own, to be killed: runs commands one upon another and tells each that the store has acknowledged. */
import { openStore } from '../../../src/server/store/open-store.ts';
import { options, putToken, ROOT, tokenRow } from './ground.ts';

const [database, from] = process.argv.slice(2);
const store = await openStore(options(database));
process.stdout.write('open\n');

let next = Number(from);
async function goOn(): Promise<never> {
  for (;;) {
    const id = String(next++);
    await store.run(
      ROOT,
      'token.create',
      (draft) => {
        putToken(tokenRow(id))(draft);
        putToken(tokenRow('newest', { createdBy: id }))(draft);
      },
      { id },
    );
    process.stdout.write(`${id}\n`);
  }
}
// several at a time, so that transactions hold more than one command
await Promise.all(Array.from({ length: 4 }, goOn));
