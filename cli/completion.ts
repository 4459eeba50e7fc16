/**
 * Completion scripts for bash and zsh, from the command tree itself. Pure. Options of the program are offered behind every command, as they
 * are understood there; what an option takes is offered where it is one of a few words, and nothing (no command either) where it is not.
 */
import type { Command, Option } from 'commander';
import { InputOption } from './inputs';

export const shells = ['bash', 'zsh'] as const;
export type Shell = (typeof shells)[number];

type Node = {
  readonly path: string;
  readonly words: readonly string[];
  /** By the option that they belong to; none: anything. */
  readonly values: ReadonlyMap<string, readonly string[]>;
};

/** Understood everywhere, and of use only behind the commands that have them too. */
const ofCommands = ['--watch', '--wait'];

export function completionScript(program: Command, shell: Shell): string {
  const nodes = nodesOf(program, [], program.options);
  const paths = nodes.flatMap(({ path }) => (path === '' ? [] : [quoted(path)]));
  const taking = [...nodes[0]!.values.keys()];
  // Bash's own placeholders, not ours. No name of zsh's own (path, words) may be taken for a variable.
  const body = [
    '_rustydbctl() {',
    "  local at='' one='' offered='' head='' value='' skip=''",
    '  local current="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}"',
    '  # Bash takes --mode=switchover for three words.',
    '  if [ "$current" = = ]; then',
    "    current=''",
    '  elif [ "$before" = = ]; then',
    '    before="${COMP_WORDS[COMP_CWORD-2]}"',
    '  fi',
    '  for one in "${COMP_WORDS[@]:1:$((COMP_CWORD - 1))}"; do',
    '    # What an option takes is no command.',
    '    if [ -n "$skip" ]; then [ "$one" = = ] || skip=\'\'; continue; fi',
    `    case "$one" in ${taking.join('|')}) skip=1; continue ;; esac`,
    '    case "${at:+$at }$one" in',
    `      ${paths.join('|')}) at="\${at:+$at }$one" ;;`,
    '    esac',
    '  done',
    '  case "$at" in',
    ...nodes.map(({ path, words }) => `    ${quoted(path)}) offered=${quoted(words.join(' '))} ;;`),
    '  esac',
    '  case "$at $before" in',
    ...valueCases(nodes),
    '  esac',
    '  # Lists: the last of what stands between commas.',
    '  if [ -n "$value" ]; then',
    '    case "$current" in *,*) head="${current%,*},"; current="${current##*,}" ;; esac',
    '  fi',
    '  COMPREPLY=($(compgen -P "$head" -W "$offered" -- "$current"))',
    '}',
    'complete -F _rustydbctl rustydbctl',
  ];
  const start = shell === 'zsh' ? ['autoload -Uz bashcompinit && bashcompinit'] : [];
  return `${[...start, ...body].join('\n')}\n`;
}

function valueCases(nodes: readonly Node[]): string[] {
  const byWords = new Map<string, string[]>();
  for (const { path, values } of nodes)
    for (const [option, words] of values) {
      const key = words.join(' ');
      byWords.set(key, [...(byWords.get(key) ?? []), quoted(`${path} ${option}`)]);
    }
  return [...byWords].map(([words, places]) => `    ${places.join('|')}) value=1 offered=${quoted(words)} ;;`);
}

function nodesOf(command: Command, path: readonly string[], global: readonly Option[]): Node[] {
  const own = new Set(command.options.map((option) => option.long));
  const options = [
    ...command.options,
    ...global.filter(({ long }) => !own.has(long) && (path.length === 0 || !ofCommands.includes(long!))),
  ];
  const first = command.registeredArguments.at(0)?.argChoices ?? [];
  return [
    {
      path: path.join(' '),
      words: [...command.commands.map((one) => one.name()), ...first, ...options.map(({ long }) => long!), '--help'],
      values: new Map(options.flatMap((option) => (takesValue(option) ? [[option.long!, wordsOf(option)]] : []))),
    },
    ...command.commands.flatMap((one) => nodesOf(one, [...path, one.name()], global)),
  ];
}

/** One that may stand alone is no reason to offer nothing but its values. */
function takesValue(option: Option): boolean {
  return option.required;
}

function wordsOf(option: Option): readonly string[] {
  return option.argChoices ?? (option instanceof InputOption ? option.words : []);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
