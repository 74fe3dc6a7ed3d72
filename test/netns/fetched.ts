import type { Namespace } from '../../src/cli/lab/namespace.ts';
import { pinnedNode } from '../../src/cli/lab/pinned-node.ts';

/** What a machine is answered over HTTP; nothing came where the status is 0. */
export interface Fetched {
  readonly status: number;
  readonly text: string;
}

const PROGRAM = `
const [url, patience] = process.argv.slice(1);
fetch(url, { signal: AbortSignal.timeout(Number(patience)) })
  .then(async (answer) => ({ status: answer.status, text: await answer.text() }))
  .catch((error) => ({ status: 0, text: String(error.cause ?? error) }))
  .then((all) => console.log(JSON.stringify(all)));
`;

/** Asks for a page from a machine of a lab. */
export async function fetched(from: Namespace, url: string, patience = 1_500): Promise<Fetched> {
  return JSON.parse(await from.run([pinnedNode(), '-e', PROGRAM, url, `${patience}`], { seconds: 20 }));
}
