import { type TypedCommand, typedCommand } from './typed-command.ts';

/** One element, as the commands made it. */
export interface Element {
  readonly name: string;
  readonly type: string;
  readonly mode: string;
  readonly groups: ReadonlySet<string>;
}

/** A network, and what somebody entered at which machine to make it. */
export interface Network {
  readonly elements: readonly Element[];
  /** by the name of the machine */
  readonly entered: ReadonlyMap<string, number>;
}

/**
 * Follows a record of the commands of a network: lines of `MACHINE# gscip …`, in their order. The token of a `--join` is the
 * one that was made last. Throws where the server would refuse: unknown groups, users and nodes, a token that is used up.
 */
export async function followRecord(record: readonly string[]): Promise<Network> {
  const follower = new Follower();
  const known = new Map<string, Promise<TypedCommand>>();
  for (const line of record) {
    const [machine, text] = line.split('# ');
    const read = known.get(text) ?? typedCommand(text);
    known.set(text, read);
    follower.enter(machine, await read);
  }
  return follower.network();
}

interface Token {
  readonly options: TypedCommand['options'];
  left: number;
}

class Follower {
  readonly #users = new Set<string>();
  readonly #groups = new Set<string>();
  readonly #elements = new Map<string, Element & { readonly groups: Set<string> }>();
  readonly #entered = new Map<string, number>();
  #token: Token | undefined;

  enter(machine: string, command: TypedCommand): void {
    this.#entered.set(machine, (this.#entered.get(machine) ?? 0) + command.items);
    const [first = '', second = ''] = command.positional;
    switch (command.verb) {
      case 'server':
        return;
      case 'admin user add':
        this.#users.add(first);
        return;
      case 'admin group add':
        this.#groups.add(first);
        return;
      case 'admin group admit':
        need(this.#elements, second).groups.add(this.#group(first));
        return;
      case 'admin token create':
        this.#create(command.options);
        return;
      case 'up':
        this.#join(machine);
        return;
      default:
        throw new Error(`a record cannot hold: gscip ${command.verb}`);
    }
  }

  network(): Network {
    return { elements: [...this.#elements.values()], entered: this.#entered };
  }

  #group(name: string): string {
    if (!this.#groups.has(name)) throw new Error(`there is no group ${name}`);
    return name;
  }

  #create(options: TypedCommand['options']): void {
    if (!this.#users.has(String(options['user']))) throw new Error(`there is no user ${options['user']}`);
    this.#token = { options, left: Number(options['uses'] ?? 1) };
    for (const group of list(options['groups'])) this.#group(group);
  }

  #join(machine: string): void {
    const token = this.#token;
    if (!token || token.left === 0) throw new Error(`there is no token for ${machine}`);
    token.left--;
    this.#elements.set(machine, {
      name: machine,
      type: String(token.options['type'] ?? 'ges'),
      mode: String(token.options['mode'] ?? 'op'),
      groups: new Set(list(token.options['groups'])),
    });
  }
}

function need<T>(map: ReadonlyMap<string, T>, name: string): T {
  const found = map.get(name);
  if (found === undefined) throw new Error(`there is no node ${name}`);
  return found;
}

function list(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

export function itemsEntered(network: Network): number {
  return [...network.entered.values()].reduce((sum, items) => sum + items, 0);
}

/** For each host, the others that it shares a group with; routers have none. */
export function partners(network: Network): ReadonlyMap<Element, readonly Element[]> {
  const hosts = network.elements.filter(({ type }) => type !== 'gen');
  return new Map(hosts.map((host) => [host, hosts.filter((other) => other !== host && haveCommonGroup(host, other))]));
}

function haveCommonGroup(a: Element, b: Element): boolean {
  for (const group of a.groups) if (b.groups.has(group)) return true;
  return false;
}
