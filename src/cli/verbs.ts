import type { Command } from 'commander';

/** What the file of a verb exports: it adds arguments, options, examples and the action to its command. */
export interface VerbModule {
  readonly define: (command: Command) => void;
}

export interface Verb {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<VerbModule>;
}

/**
 * Every verb of `gscip`, in the order of `gscip --help`. A new verb is one line here and one file beside this one,
 * which is loaded only when the verb is used.
 */
export const VERBS: readonly Verb[] = [
  { name: 'up', summary: 'start the node and stay in the foreground', load: () => import('./up.ts') },
  { name: 'down', summary: 'end the running agent and undo what it set up', load: () => import('./down.ts') },
  { name: 'logout', summary: 'leave the network and forget its keys', load: () => import('./logout.ts') },
  {
    name: 'status',
    summary: 'show this node, its groups and how every peer is reached',
    load: () => import('./status.ts'),
  },
  { name: 'ping', summary: 'measure the way to a peer through the overlay', load: () => import('./ping.ts') },
  {
    name: 'netcheck',
    summary: 'say what this network lets through, and what stands in the way',
    load: () => import('./netcheck.ts'),
  },
  { name: 'explain', summary: 'say which element does what with a flow, and why', load: () => import('./explain.ts') },
  { name: 'pit', summary: 'list, watch or flush the flows', load: () => import('./pit.ts') },
  { name: 'whois', summary: 'say which member has an address', load: () => import('./whois.ts') },
  { name: 'get', summary: 'show the settings of this node, or one of them', load: () => import('./get.ts') },
  { name: 'set', summary: 'change one setting, at once where that is possible', load: () => import('./set.ts') },
  {
    name: 'reload',
    summary: 'read the file of settings, and keys, again',
    load: () => import('./reload.ts'),
  },
  { name: 'config', summary: 'check a file of settings', load: () => import('./config.ts') },
  { name: 'wait', summary: 'wait until the node, or a peer, is ready', load: () => import('./wait.ts') },
  {
    name: 'service',
    summary: 'run the node or the server from boot on, by systemd',
    load: () => import('./service.ts'),
  },
  { name: 'lock', summary: 'show, open or close the lock of a closed node', load: () => import('./lock.ts') },
  { name: 'dns', summary: 'say how members are found by name, or look one up', load: () => import('./dns.ts') },
  { name: 'metrics', summary: 'print counters in the text format of Prometheus', load: () => import('./metrics.ts') },
  { name: 'debug', summary: 'collect what support needs, in local files', load: () => import('./debug.ts') },
  { name: 'server', summary: 'keep a network: accounts, groups and keys', load: () => import('./server.ts') },
  { name: 'admin', summary: 'administer the server of this machine', load: () => import('./admin.ts') },
  { name: 'demo', summary: 'show it all in a small network made of namespaces', load: () => import('./demo.ts') },
  { name: 'authority', summary: 'keep a network without a server, in a folder', load: () => import('./authority.ts') },
  { name: 'key', summary: 'enter a group key by hand, or read keys again', load: () => import('./key.ts') },
  {
    name: 'completion',
    summary: 'print what makes a shell complete these commands',
    load: () => import('./completion.ts'),
  },
  { name: 'version', summary: 'print the versions of GSCIP and its parts', load: () => import('./version.ts') },
];
