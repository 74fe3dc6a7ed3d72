import { readFileSync } from 'node:fs';
import { decodeJoinToken } from '../../src/api/join-token.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { TestNode } from '../server/http/test-node.ts';

/*
 * Machines that join one after the other, at the server on this machine; each prints the name that it was given.
 *   enrolling-tool TOKEN_FILE PORT NAME
 */

const [file = '', port, name] = process.argv.slice(2);
const token = decodeJoinToken(nodeProvider, readFileSync(file, 'utf8'));
if (typeof token === 'string') throw new Error(token);
console.log('ready');
for (let count = 0; ; count++) console.log(`told ${await new TestNode(Number(port), `${name}-${count}`).join(token)}`);
