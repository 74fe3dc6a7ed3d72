import type { Command } from 'commander';
import { defineAdministrator } from './admin/administrator.ts';
import { defineAudit } from './admin/audit.ts';
import { defineBackup } from './admin/backup.ts';
import { defineGroup } from './admin/group.ts';
import { defineKey } from './admin/key.ts';
import { defineNode } from './admin/node.ts';
import { defineRelay } from './admin/relay.ts';
import { defineServerStatus } from './admin/server-status.ts';
import { defineToken } from './admin/token.ts';
import { defineUser } from './admin/user.ts';
import { examples } from './output.ts';

/** `gscip admin` */
export function define(command: Command): void {
  defineServerStatus(command.command('status').description('show the server of this machine'));
  defineUser(command.command('user').description('whom nodes belong to'));
  defineGroup(command.command('group').description('groups, their members, and how their keys roll'));
  defineToken(command.command('token').description('bring nodes into the network'));
  defineNode(command.command('node').description('nodes of the network'));
  defineRelay(command.command('relay').description('relays on other machines'));
  defineKey(command.command('key').description('versions of the group keys'));
  defineAudit(command.command('audit').description('who did what'));
  defineBackup(command.command('backup').description('save the server, or restore it'));
  defineAdministrator(command.command('administrator').description('who may use the REST API from afar'));
  examples(command, [
    ['gscip admin user add alice', 'somebody whom nodes belong to'],
    ['gscip admin group add lab', 'a group whose key rolls every night'],
    ['gscip admin token create --user alice --groups lab', 'a token: sudo gscip up --join TOKEN, on the next machine'],
    ['gscip admin node list', 'who is in the network'],
  ]);
}
