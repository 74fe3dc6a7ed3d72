import { mkdirSync, renameSync, statSync } from 'node:fs';
import { PROJECT, pinnedNode } from '../../src/cli/lab/pinned-node.ts';
import { runNow } from '../../src/cli/lab/run-now.ts';
import { giveToOwner } from './project-owner.ts';

const FLAGS = ['-O3', '-march=native', '-std=c++17', '-Wall', '-Wextra', '-Werror', '-pthread'];
const SHARED = ['-shared', '-fPIC', `-I${pinnedNode().replace(/bin\/node$/, 'include/node')}`];

/**
 * Path of the program, or with `shared` of the object that Node loads, made from one C++ file of this project.
 * It is compiled when it is missing or older than its source; two that do so at once do not disturb each other.
 */
export function compiled(source: string, shared = false): string {
  const name = source.replace(/.*\//, '').replace(/\.cc$/, shared ? '.node' : '');
  const made = `${PROJECT}build/tools/${name}`;
  const from = `${PROJECT}${source}`;
  if (modified(made) > modified(from)) return made;
  for (const folder of ['build', 'build/tools']) {
    mkdirSync(`${PROJECT}${folder}`, { recursive: true });
    giveToOwner(`${PROJECT}${folder}`);
  }
  const fresh = `${made}.${process.pid}`;
  runNow('g++', [...FLAGS, ...(shared ? SHARED : []), '-o', fresh, from]);
  giveToOwner(fresh);
  renameSync(fresh, made);
  return made;
}

function modified(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
