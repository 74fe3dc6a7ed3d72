import { isAbsolute, resolve } from 'node:path';
import { Command } from 'commander';
import { GscipError } from '../base/errors.ts';
import { PROJECT, pinnedNode } from './lab/pinned-node.ts';
import { needRoot } from './need-root.ts';
import { examples, jsonFlag, printJson } from './output.ts';
import { serverFlags } from './server.ts';
import { SERVICES, type ServiceName, ServiceUnits } from './service/service-units.ts';
import { refuseWithoutSystemd, systemctl, type UnitState, unitState } from './service/systemctl.ts';
import { type ServicePlan, TOKEN_FILE, unitTexts } from './service/unit-texts.ts';
import { table } from './table.ts';
import { joinToken } from './up/join-token.ts';
import { machineFlags, networkFlags } from './up/up-options.ts';

interface InstallOptions {
  readonly state?: string;
  readonly join?: string;
  readonly root: string;
  readonly json?: boolean;
}

/** `gscip service install|uninstall|status` */
export function define(command: Command): void {
  command.description(
    'Runs the node, or the server, as a service of this machine: from boot on, before anybody logs in, and again after a failure. A closed node is locked before the network is up.',
  );
  defineInstall(command.command('install').description('write the units, enable and start them'));
  defineUninstall(
    command.command('uninstall').description('stop the service and take its units away; the state stays'),
  );
  defineStatus(command.command('status').description('what systemd knows of our services'));
  examples(command, [
    ['sudo gscip service install --join token.txt', 'the node of this machine, with the token of a network'],
    ['sudo gscip service install node -- --tun gscip0 --mtu 1280', 'with settings of "gscip up"'],
    ['sudo gscip service install server -- --roles as,gms,dc,relay', 'the server of a network'],
    ['gscip service status', 'enabled or not, active or not, and how often systemd had to start it again'],
    ['sudo gscip service uninstall', 'stops the node and takes its units away'],
  ]);
}

function defineInstall(command: Command): void {
  jsonFlag(command)
    .argument('[service]', 'node or server (default: node)')
    .argument('[options...]', 'behind "--": options of "gscip up" or "gscip server" for every start')
    .option('--state <DIR>', `the service's folder (default: ${SERVICES.node.state}, ${SERVICES.server.state})`)
    .option('--join <TOKEN>', `of the node: a token, a file that holds one, or -; kept in ${TOKEN_FILE} for root alone`)
    .option('--root <DIR>', 'write into this file system and start nothing: for images', '/')
    .action((first: string | undefined, rest: readonly string[], options: InstallOptions) => {
      // behind "--" also the first word may be an option
      const isOption = first?.startsWith('-') === true;
      return install(serviceName(isOption ? undefined : first), isOption ? [first ?? '', ...rest] : rest, options);
    });
  examples(command, [['sudo gscip service install --join token.txt', 'the token stays off the list of processes']]);
}

function defineUninstall(command: Command): void {
  jsonFlag(command)
    .argument('[service]', 'node or server (default: node)')
    .option('--root <DIR>', 'as for "install"', '/')
    .action((service: string | undefined, options: InstallOptions) => uninstall(serviceName(service), options));
  examples(command, [['sudo gscip service uninstall server', 'keys and database stay in its folder']]);
}

function defineStatus(command: Command): void {
  jsonFlag(command).action(async ({ json }: { readonly json?: boolean }) => {
    refuseWithoutSystemd();
    const states = await Promise.all(Object.values(SERVICES).flatMap(({ units }) => units.map(unitState)));
    if (json) printJson({ units: states });
    else console.log(table(['unit', 'enabled', 'state', 'restarts', 'says'], states.map(row)));
  });
  examples(command, [['gscip service status --json', '"units", one for each']]);
}

function row({ unit, enabled, active, restarts, says }: UnitState): string[] {
  return [unit, enabled, active, String(restarts), says];
}

function serviceName(text = 'node'): ServiceName {
  if (text === 'node' || text === 'server') return text;
  throw new GscipError('usage', `there is no service "${text}"`, 'it is "node" or "server"');
}

const FOR_ROOT = 'services of the machine are for root';

async function install(service: ServiceName, words: readonly string[], options: InstallOptions): Promise<void> {
  const { root } = options;
  const plan = planOf(service, words, options);
  const token = options.join === undefined ? undefined : await joinToken(options.join);
  needRoot(FOR_ROOT);
  if (root === '/') refuseWithoutSystemd();
  const units = new ServiceUnits(root);
  const texts = unitTexts(service, plan);
  for (const [unit] of texts) units.refuseForeign(unit);
  const changed = texts.filter(([unit, text]) => units.put(unit, text)).map(([unit]) => unit);
  if (token !== undefined) units.writeSecret(TOKEN_FILE, token);
  if (root === '/') await start(service, changed.length > 0);
  const wrote = changed.filter((unit) => units.read(unit) !== undefined).map((unit) => units.path(unit));
  if (options.json) return printJson({ service, wrote, started: root === '/' });
  for (const path of wrote) console.log(`wrote ${path}`);
  console.log(
    root === '/' ? startedText(service) : `To enable them there: systemctl --root=${root} enable ${names(service)}`,
  );
}

async function start(service: ServiceName, isChanged: boolean): Promise<void> {
  await systemctl('daemon-reload');
  await systemctl('enable', ...SERVICES[service].units);
  // a service that runs goes on with what was changed; a first start may take as long as its server does
  await systemctl(isChanged ? 'restart' : 'start', '--no-block', ...SERVICES[service].units);
}

function startedText(service: ServiceName): string {
  return `The ${service} starts now and at every boot. See: gscip service status; journalctl -u ${lastUnit(service)}`;
}

async function uninstall(service: ServiceName, { root, json }: InstallOptions): Promise<void> {
  needRoot(FOR_ROOT);
  if (root === '/') refuseWithoutSystemd();
  const units = new ServiceUnits(root);
  const ours = SERVICES[service].units.filter((unit) => units.read(unit) !== undefined);
  const packaged = SERVICES[service].units.filter((unit) => units.packaged(unit) !== undefined);
  if (ours.length === 0 && packaged.length === 0)
    throw new GscipError('not-installed', `no unit of the ${service} was installed here`, 'see: gscip service status');
  if (root === '/') await systemctl('disable', '--now', ...new Set([...ours, ...packaged]));
  for (const unit of ours) units.remove(unit);
  if (service === 'node') units.removeSecret(TOKEN_FILE);
  if (root === '/') await systemctl('daemon-reload');
  const removed = ours.map((unit) => units.path(unit));
  if (json) return printJson({ service, removed });
  for (const path of removed) console.log(`removed ${path}`);
  if (packaged.length > 0) console.log(`disabled, and left with the package: ${packaged.join(' ')}`);
  console.log(`What the ${service} kept stays in its folder (usually ${SERVICES[service].state}).`);
}

function planOf(service: ServiceName, words: readonly string[], { state, join }: InstallOptions): ServicePlan {
  refuseWrongWords(service, words);
  if (join !== undefined && service === 'server')
    throw new GscipError('usage', '--join belongs to the node', 'a server begins its own network');
  const folder = state ?? SERVICES[service].state;
  if (!isAbsolute(folder))
    throw new GscipError('usage', `--state ${folder} is no whole path`, `give ${resolve(folder)}`);
  return { node: pinnedNode(), main: `${PROJECT}dist/cli/main.js`, state: folder, words };
}

/** What must not stand in a unit: secrets, which everybody may read there, and what can be done once only. */
const ONCE: Readonly<Record<string, string>> = {
  '--join': 'give it to "gscip service install" itself, which keeps the token for root alone',
  '--new':
    'begin the network by hand, once: sudo gscip up --new NAME; end it with Ctrl-C, and install the service then',
  '--relay-token': 'start the relay by hand, once; it keeps what the token gave',
  '--state': 'give it to "gscip service install" itself',
  '--attached': 'a service has no owner',
};

function refuseWrongWords(service: ServiceName, words: readonly string[]): void {
  for (const word of words) {
    const [name = ''] = word.split('=', 1);
    const why = ONCE[name];
    if (why !== undefined) throw new GscipError('usage', `${name} is not for a unit`, why);
  }
  const parser = service === 'node' ? machineFlags(networkFlags(new Command())) : serverFlags(new Command());
  const errors: string[] = [];
  const output = { writeErr: (text: string) => void errors.push(text), writeOut: () => undefined };
  try {
    parser
      .exitOverride()
      .configureOutput(output)
      .helpOption(false)
      .allowExcessArguments(false)
      .parse(words, { from: 'user' });
  } catch {
    const said = errors
      .join('')
      .replace(/^error: /, '')
      .trim();
    throw new GscipError(
      'usage',
      said || `these are no options: ${words.join(' ')}`,
      `see: gscip ${verbOf(service)} --help`,
    );
  }
}

function verbOf(service: ServiceName): string {
  return service === 'node' ? 'up' : 'server';
}

function names(service: ServiceName): string {
  return SERVICES[service].units.join(' ');
}

function lastUnit(service: ServiceName): string {
  return SERVICES[service].units.at(-1) ?? '';
}
