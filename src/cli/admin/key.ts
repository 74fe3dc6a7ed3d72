import type { Command } from 'commander';
import type { GroupKeys, KeyList } from '../../api/admin/groups.ts';
import { GscipError } from '../../base/errors.ts';
import { nearestName } from '../../base/nearest-name.ts';
import { examples } from '../output.ts';
import { table } from '../table.ts';
import { type AdminOptions, adminFlags, clientFor, show } from './admin-options.ts';
import { when } from './times.ts';

/** `gscip admin key list` */
export function defineKey(command: Command): void {
  const list = command.command('list').description('show the versions of every group key, never the keys');
  adminFlags(list)
    .option('--group <name>', 'of this group only')
    .action(async (options: AdminOptions & { readonly group?: string }) => {
      const { groups: all } = await clientFor(options).get<KeyList>('/keys');
      if (options.group !== undefined && all.every(({ group }) => group !== options.group))
        throw unknownGroup(
          options.group,
          all.map(({ group }) => group),
        );
      const groups = all.filter(({ group }) => options.group === undefined || group === options.group);
      show(options, { groups }, () => keyTable(groups));
    });
  const example = ['gscip admin key list --group lab', 'which version is in force, and why each was made'] as const;
  examples(list, [example]);
  examples(command, [example]);
}

function unknownGroup(given: string, groups: readonly string[]): GscipError {
  const nearest = nearestName(
    given,
    groups.filter((group) => group !== ''),
  );
  const remedy = nearest === undefined ? 'make one with: gscip admin group add' : `did you mean "${nearest}"?`;
  return new GscipError('unknown-group', `there is no group "${given}"`, remedy);
}

function keyTable(groups: readonly GroupKeys[]): string {
  const rows = groups.flatMap(({ group, versions }) =>
    versions.map(({ version, state, cause, activateAt, rosterSeq }) => [
      group || '(the network)',
      `${version}`,
      state,
      cause,
      when(activateAt),
      `${rosterSeq}`,
    ]),
  );
  return rows.length === 0 ? 'No keys.' : table(['group', 'version', 'state', 'cause', 'in force', 'roster'], rows);
}
