import { unreachable } from '../../base/unreachable.ts';
import type { ValueKind } from './command-facts.ts';
import { type CompletionPlace, type CompletionTables, spellings } from './completion-tables.ts';

/** The completion for zsh: to be kept as `_gscip` in a folder of $fpath. */
export function zshCompletion({ places, valued }: CompletionTables): string {
  const known = places.filter(({ at }) => at !== '').map(({ at }) => `'${at}'`);
  return `#compdef gscip
# zsh completion for gscip, made from its help
_gscip() {
  local at= word prev=\${words[CURRENT-1]}
  local -i i count=0
  local -a commands options
  for ((i = 2; i < CURRENT; i++)); do
    word=\${words[i]}
    if ((i == 2)) && [[ $word == help ]]; then continue; fi
    case "$at $word" in
      ${known.map((each) => `(${each})`).join('|')}) at="$at $word" count=0; continue ;;
    esac
    case $word in
      ${valued.join('|')}) ((i++)) ;;
      -*) ;;
      *) ((count++)) ;;
    esac
  done
  case $prev in
    ${valued.join('|')})
      case "$at $prev" in
${places.flatMap(valueRows).join('\n')}
      esac
      return ;;
  esac
  case $at in
${places.map(placeRows).join('\n')}
  esac
  (( $#commands )) && _describe -t commands command commands
  (( $#options )) && _describe -t options option options
  case "$at:$count" in
${places.flatMap(argumentRows).join('\n')}
  esac
}
# autoloaded the first time: this file is then the body of the function
if [[ \${funcstack[1]} == _gscip ]]; then _gscip "$@"; else compdef _gscip gscip; fi
`;
}

function valueRows({ at, options }: CompletionPlace): readonly string[] {
  return options
    .filter(({ value, kind }) => value !== undefined && kind.kind !== 'text')
    .map((option) => {
      const patterns = spellings(option).map((each) => `'${at} ${each}'`);
      return `        ${patterns.join('|')}) ${offer(option.kind)} ;;`;
    });
}

function placeRows({ at, commands, options }: CompletionPlace): string {
  const rows = options.flatMap((option) => spellings(option).map((each) => described(each, option.meaning)));
  return `    '${at}')
      commands=(${commands.map(([word, meaning]) => described(word, meaning)).join(' ')})
      options=(${rows.join(' ')}) ;;`;
}

function argumentRows({ at, arguments: args }: CompletionPlace): readonly string[] {
  return args.flatMap((kind, count) => (kind.kind === 'text' ? [] : [`    '${at}:${count}') ${offer(kind)} ;;`]));
}

/** A word with its meaning, as _describe reads them. */
function described(word: string, meaning: string): string {
  return `'${word}:${meaning.replaceAll("'", "'\\''")}'`;
}

function offer(kind: ValueKind): string {
  switch (kind.kind) {
    case 'words':
      return `compadd -- ${kind.words.join(' ')}`;
    case 'file':
      return '_files';
    case 'folder':
      return '_files -/';
    case 'text':
      return ':';
    default:
      return unreachable(kind);
  }
}
