import type { Command } from 'commander';
import { showNats } from './demo/nat-scene.ts';
import { showSwitch } from './demo/switch-scene.ts';
import { withLab } from './lab/lab.ts';
import { needRoot } from './need-root.ts';
import { wholeNumber } from './numbers.ts';
import { examples, jsonFlag, printJson } from './output.ts';

interface DemoOptions {
  readonly json?: boolean;
  readonly seconds: number;
}

/** `gscip demo` */
export function define(command: Command): void {
  jsonFlag(command).option('--seconds <N>', 'length of each transfer', wholeNumber(2, 60), 5).action(demo);
  examples(command, [
    [
      'sudo ./gscip demo',
      'a server, machines, a router and NATs in namespaces of this one, in half a minute; nothing is left behind',
    ],
  ]);
}

async function demo(options: DemoOptions): Promise<void> {
  needRoot('the demonstration makes network namespaces, which needs root', 'run: sudo ./gscip demo');
  const say = options.json ? () => undefined : (text: string) => console.log(text);
  const onSwitch = await withLab((lab) => showSwitch(lab, options.seconds, say));
  const nats = await withLab((lab) => showNats(lab, options.seconds, say));
  say('\nCleaned up: namespaces, interfaces, processes and files of the demonstration are gone.');
  if (options.json) printJson({ ...onSwitch, nats });
}
