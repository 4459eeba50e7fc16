/** Completion scripts for bash and zsh, from the command tree itself. Pure. */
import type { Command } from 'commander';

export const shells = ['bash', 'zsh'] as const;
export type Shell = (typeof shells)[number];

export function completionScript(program: Command, shell: Shell): string {
  const cases = nodesOf(program, []).map(({ path, words }) => `    ${quoted(path)}) words=${quoted(words)} ;;`);
  // Bash's own placeholders, not ours.
  const body = [
    '_rustydbctl() {',
    "  local path='' word words=''",
    '  local current="${COMP_WORDS[COMP_CWORD]}"',
    '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
    '    case "$word" in -*) ;; *) path="${path:+$path }$word" ;; esac',
    '  done',
    '  # Arguments and values are no commands: the longest beginning that is one decides.',
    '  while :; do',
    '    case "$path" in',
    ...cases.map((line) => `  ${line}`),
    '    esac',
    '    [ -n "$words" ] && break',
    '    case "$path" in *" "*) path="${path% *}" ;; *) path=\'\' ;; esac',
    '  done',
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    '}',
    'complete -F _rustydbctl rustydbctl',
  ];
  const head = shell === 'zsh' ? ['autoload -Uz bashcompinit && bashcompinit'] : [];
  return `${[...head, ...body].join('\n')}\n`;
}

function nodesOf(command: Command, path: readonly string[]): { path: string; words: string }[] {
  const own = [
    ...command.commands.map((one) => one.name()),
    ...command.options.flatMap((option) => (option.long ? [option.long] : [])),
  ];
  return [
    { path: path.join(' '), words: own.join(' ') },
    ...command.commands.flatMap((one) => nodesOf(one, [...path, one.name()])),
  ];
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
