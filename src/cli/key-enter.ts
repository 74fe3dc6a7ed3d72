import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { wipe } from '../base/bytes.ts';
import { GscipError } from '../base/errors.ts';
import { decodeKeyCode, type KeyCodeFault } from '../crypto/key-code.ts';
import { decodeKeyFile, type EnteredGroup, encodeKeyFile, enteredGroup } from '../crypto/key-file.ts';
import { nodeProvider } from '../crypto/node-provider.ts';
import { DEFAULTS } from '../node/agent-config.ts';
import { writePrivately } from '../server/authority/private-file.ts';
import { freeName } from '../server/network/names.ts';
import { examples, jsonFlag, printJson } from './output.ts';
import { readSecretLine } from './secret-line.ts';

interface EnterOptions {
  readonly state: string;
  readonly codeFile?: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** Folder of entered keys inside the state directory; one file for each, `GROUP_ID.key`. */
const KEY_FOLDER = 'keys';

const REFUSED: Readonly<Record<KeyCodeFault, string>> = {
  'too-short':
    'that is not a generated code. A password of your own choice is refused: whoever once saw a packet of the group could guess it without asking anybody',
  'too-long': 'that is longer than a key code',
  letter: 'that holds a letter which no key code has',
  checksum: 'the checksum does not fit: there is a slip in the code',
};

/** `gscip key enter GROUP` */
export function defineKeyEnter(command: Command): void {
  jsonFlag(command)
    .option('--state <dir>', 'state directory of the agent', DEFAULTS.state)
    .option('--code-file <file>', 'read the code from a file; - is standard input')
    .option('--force', 'replace another key that was entered for this group')
    .action(async (group: string, options: EnterOptions) => {
      const name = freeName('group', group);
      const entered = groupFromCode(name, await readCode(options));
      const path = keep(options, entered);
      if (options.json) return printJson({ group: { name, id: entered.groupId }, file: path, unicast: false });
      console.log(
        [
          `Entered the key of "${name}" (group ${entered.groupId}) into ${path}.`,
          'A group entered by hand has no list of members, so it protects no traffic between two machines;',
          'for that, give the machines bundles: gscip authority --help',
        ].join('\n'),
      );
    });
  examples(command, [
    ['sudo gscip key enter lab', 'asks for the code without showing it'],
    [
      'sudo gscip key enter lab --code-file code.txt',
      'for scripts; a code on the command line would be seen by others',
    ],
  ]);
}

async function readCode({ codeFile }: EnterOptions): Promise<string> {
  if (codeFile === undefined || codeFile === '-') return readSecretLine('Key code: ');
  try {
    return readFileSync(codeFile, 'utf8').trim();
  } catch (cause) {
    throw new GscipError('no-code', `${codeFile} cannot be read`, 'Name a file that holds the code.', cause);
  }
}

function groupFromCode(name: string, text: string): EnteredGroup {
  const secret = decodeKeyCode(nodeProvider, text);
  if (typeof secret === 'string')
    throw new GscipError(
      'code-refused',
      REFUSED[secret],
      'Make a code with "gscip key code" and enter it on every machine.',
    );
  const group = enteredGroup(nodeProvider, name, secret);
  wipe(secret);
  return group;
}

function keep({ state, force }: EnterOptions, group: EnteredGroup): string {
  const folder = join(state, KEY_FOLDER);
  const path = join(folder, `${group.groupId}.key`);
  const other = sameName(folder, group);
  if (other !== undefined && !force)
    throw new GscipError(
      'key-exists',
      `another key of "${group.name}" was entered before (${other})`,
      'Use --force to replace it.',
    );
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new GscipError('no-permission', `${folder} cannot be made`, 'Run the command with sudo.', cause);
  }
  writePrivately(path, encodeKeyFile(group));
  if (other !== undefined) rmSync(join(folder, other));
  return path;
}

function sameName(folder: string, group: EnteredGroup): string | undefined {
  if (!existsSync(folder)) return undefined;
  const files = readdirSync(folder).filter((name) => name.endsWith('.key') && name !== `${group.groupId}.key`);
  return files.find((file) => {
    const held = decodeKeyFile(readFileSync(join(folder, file)));
    return typeof held !== 'string' && held.name === group.name;
  });
}
