import { unreachable } from '../../base/unreachable.ts';
import type { ValueKind } from './command-facts.ts';
import { type CompletionPlace, type CompletionTables, spellings } from './completion-tables.ts';

/** The completion for bash: to be sourced, or kept as `gscip` among bash-completion's files. */
export function bashCompletion({ places, valued }: CompletionTables): string {
  const known = places.filter(({ at }) => at !== '').map(({ at }) => `'${at}'`);
  return `# bash completion for gscip, made from its help
_gscip_paths() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen "$1" -- "$2")
}
_gscip() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} at= word i count=0
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [ "$i" = 1 ] && [ "$word" = help ]; then continue; fi
    case "$at $word" in
      ${known.join(' | ')}) at="$at $word" count=0; continue ;;
    esac
    case $word in
      ${valued.join(' | ')}) ((i++)) ;;
      -*) ;;
      *) ((count++)) ;;
    esac
  done
  case $prev in
    ${valued.join(' | ')})
      case "$at $prev" in
${places.flatMap(valueRows).join('\n')}
      esac
      return ;;
  esac
  case $at in
${places.map(placeRows).join('\n')}
  esac
}
complete -F _gscip gscip
`;
}

function valueRows({ at, options }: CompletionPlace): readonly string[] {
  return options
    .filter(({ value, kind }) => value !== undefined && kind.kind !== 'text')
    .map((option) => {
      const patterns = spellings(option).map((each) => `'${at} ${each}'`);
      return `        ${patterns.join(' | ')}) ${offer(option.kind)} ;;`;
    });
}

/** Options where there is nothing else to offer, or where one was begun. */
function placeRows({ at, commands, options, arguments: args }: CompletionPlace): string {
  const words = commands.map(([word]) => word);
  const kinds = args.flatMap((kind, count) => (kind.kind === 'text' ? [] : [`        ${count}) ${offer(kind)} ;;`]));
  const other =
    words.length > 0
      ? offer({ kind: 'words', words })
      : ['case $count in', ...kinds, `        *) ${optionRow(options)} ;;`, '      esac'].join('\n');
  return `    '${at}')\n      if [[ $cur == -* ]]; then ${optionRow(options)}; return; fi\n      ${other} ;;`;
}

function optionRow(options: CompletionPlace['options']): string {
  return offer({ kind: 'words', words: options.flatMap(spellings) });
}

function offer(kind: ValueKind): string {
  switch (kind.kind) {
    case 'words':
      return `COMPREPLY=($(compgen -W '${kind.words.join(' ')}' -- "$cur"))`;
    case 'file':
      return '_gscip_paths -f "$cur"';
    case 'folder':
      return '_gscip_paths -d "$cur"';
    case 'text':
      return ':';
    default:
      return unreachable(kind);
  }
}
