import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NewGroup } from '../../api/admin/groups.ts';
import type { NewToken, NewTokenAnswer } from '../../api/admin/nodes.ts';
import type { AdminClient } from '../admin/admin-client.ts';
import type { Lab } from './lab.ts';
import type { LabProcess } from './lab-process.ts';
import { LabServer } from './lab-server.ts';
import type { Namespace } from './namespace.ts';
import { OverlayNode } from './overlay.ts';

/** A group network in a lab with a server: nodes join by tokens. */
export class ServedOverlay {
  readonly server: LabServer;
  readonly #lab: Lab;
  readonly nodes: OverlayNode[] = [];

  private constructor(lab: Lab, server: LabServer) {
    this.#lab = lab;
    this.server = server;
  }

  /** Starts the server and waits until it answers; then makes the user and the groups that nodes are to join. */
  static async start(
    lab: Lab,
    namespace: Namespace,
    listen: string,
    groups: readonly (string | NewGroup)[],
    more: readonly string[] = [],
    program?: readonly string[],
  ): Promise<ServedOverlay> {
    const made = new ServedOverlay(lab, await LabServer.start(lab, 'server', namespace, listen, more, program));
    await made.admin.post('/users', { name: USER });
    for (const group of groups) await made.admin.post('/groups', typeof group === 'string' ? { name: group } : group);
    return made;
  }

  get admin(): AdminClient {
    return this.server.admin;
  }

  get state(): string {
    return this.server.state;
  }

  get socket(): string {
    return this.server.socket;
  }

  get process(): LabProcess {
    return this.server.process;
  }

  /** A token for these groups; what else it says is the server's default. */
  token(groups: readonly string[], more: Partial<NewToken> = {}): Promise<NewTokenAnswer> {
    return this.admin.post<NewTokenAnswer>('/tokens', { user: USER, groups, ...more });
  }

  /** A node with a token of its own in a file; it joins when it is started. */
  async add(
    name: string,
    namespace: Namespace,
    groups: readonly string[],
    more: Partial<NewToken> = {},
  ): Promise<OverlayNode> {
    const node = this.adopt(name, namespace, (await this.token(groups, more)).token);
    this.nodes.push(node);
    return node;
  }

  /** A machine that tries to join with this token, whatever it is worth. */
  adopt(name: string, namespace: Namespace, token: string): OverlayNode {
    const file = join(this.#lab.folder, `${name}.token`);
    writeFileSync(file, token, { mode: 0o600 });
    return new OverlayNode(name, namespace, '', join(this.#lab.folder, name), ['--join', file, '--name', name]);
  }
}

const USER = 'lab';
