import { unreachable } from '../../base/unreachable.ts';
import type { ValueKind } from './command-facts.ts';
import type { CompletionPlace, CompletionTables } from './completion-tables.ts';

/** The completion for fish: to be kept as `gscip.fish` among its completions. */
export function fishCompletion({ places, valued }: CompletionTables): string {
  const known = places.filter(({ at }) => at !== '').map(({ at }) => `'${at}'`);
  return `# fish completion for gscip, made from its help
function __gscip_at --description 'is the command line at this command, with so many arguments?'
    set -l at ''
    set -l count 0
    set -l skips 0
    set -l words (commandline -opc)
    for word in $words[2..]
        if test $skips = 1
            set skips 0
        else if contains -- "$at $word" ${known.join(' ')}
            set at "$at $word"
            set count 0
        else if contains -- $word ${valued.join(' ')}
            set skips 1
        else if not string match -q -- '-*' $word; and test "$word" != help
            set count (math $count + 1)
        end
    end
    test "$at" = "$argv[1]"; and begin
        not set -q argv[2]; or test $count = "$argv[2]"
    end
end
complete -c gscip -f
${places.flatMap(placeLines).join('\n')}
`;
}

function placeLines({ at, commands, options, arguments: args }: CompletionPlace): readonly string[] {
  return [
    ...commands.map(
      ([word, meaning]) => `complete -c gscip -n "__gscip_at '${at}' 0" -a ${word} -d ${quoted(meaning)}`,
    ),
    ...options.map((option) => {
      const short = option.short === undefined ? '' : ` -s ${option.short.slice(1)}`;
      const value = option.value === undefined ? '' : ` ${['-x', ...offer(option.kind)].join(' ')}`;
      const words = `-l ${option.long.slice(2)}${short}${value} -d ${quoted(option.meaning)}`;
      return `complete -c gscip -n "__gscip_at '${at}'" ${words}`;
    }),
    ...args.flatMap((kind, count) =>
      kind.kind === 'text' ? [] : [`complete -c gscip -n "__gscip_at '${at}' ${count}" ${offer(kind).join(' ')}`],
    ),
  ];
}

function offer(kind: ValueKind): readonly string[] {
  switch (kind.kind) {
    case 'words':
      return ['-a', quoted(kind.words.join(' '))];
    case 'file':
      return ['-a', "'(__fish_complete_path (commandline -ct))'"];
    case 'folder':
      return ['-a', "'(__fish_complete_directories (commandline -ct))'"];
    case 'text':
      return [];
    default:
      return unreachable(kind);
  }
}

function quoted(words: string): string {
  return `'${words.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
