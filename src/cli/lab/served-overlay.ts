import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NewGroup } from '../../api/admin/groups.ts';
import type { NewToken, NewTokenAnswer } from '../../api/admin/nodes.ts';
import type { ServerStatus } from '../../api/admin/operations.ts';
import { AdminClient } from '../admin/admin-client.ts';
import type { Lab } from './lab.ts';
import type { LabProcess } from './lab-process.ts';
import type { Namespace } from './namespace.ts';
import { OverlayNode } from './overlay.ts';
import { PROJECT, pinnedNode } from './pinned-node.ts';
import { until } from './until.ts';

/** A group network in a lab with a server: nodes join by tokens. */
export class ServedOverlay {
  readonly admin: AdminClient;
  readonly state: string;
  readonly socket: string;
  readonly process: LabProcess;
  readonly #lab: Lab;
  readonly nodes: OverlayNode[] = [];

  private constructor(lab: Lab, namespace: Namespace, listen: string, more: readonly string[]) {
    this.#lab = lab;
    this.state = join(lab.folder, 'server');
    this.socket = join(this.state, 'admin.sock');
    this.admin = new AdminClient(this.socket);
    const words = ['server', '--state', this.state, '--listen', listen, ...more];
    this.process = namespace.start([pinnedNode(), `${PROJECT}dist/cli/main.js`, ...words], { seconds: 3600 });
  }

  /** Starts the server and waits until it answers; then makes the user and the groups that nodes are to join. */
  static async start(
    lab: Lab,
    namespace: Namespace,
    listen: string,
    groups: readonly (string | NewGroup)[],
    more: readonly string[] = [],
  ): Promise<ServedOverlay> {
    const made = new ServedOverlay(lab, namespace, listen, more);
    await until(
      () => `the server, which says: ${made.process.stderr().slice(-500)}`,
      () => made.admin.get<ServerStatus>('/status'),
      { seconds: 30 },
    );
    await made.admin.post('/users', { name: USER });
    for (const group of groups) await made.admin.post('/groups', typeof group === 'string' ? { name: group } : group);
    return made;
  }

  /** A token for these groups; what else it says is the server's default. */
  token(groups: readonly string[], more: Partial<NewToken> = {}): Promise<NewTokenAnswer> {
    return this.admin.post<NewTokenAnswer>('/tokens', { user: USER, groups, ...more });
  }

  /** A node with a token of its own in a file; it joins when it is started. */
  async add(name: string, namespace: Namespace, groups: readonly string[]): Promise<OverlayNode> {
    const file = join(this.#lab.folder, `${name}.token`);
    writeFileSync(file, (await this.token(groups)).token, { mode: 0o600 });
    const node = new OverlayNode(name, namespace, '', join(this.#lab.folder, name), ['--join', file, '--name', name]);
    this.nodes.push(node);
    return node;
  }
}

const USER = 'lab';
