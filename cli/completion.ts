import type { Command, Option } from 'commander'

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

/** Completion of commands, options and their values, written from the commands that there are. */
export function completionOf(program: Command, shell: Shell): string {
  if (shell === 'bash') return bash(placesOf(program))
  if (shell === 'zsh') return zsh(placesOf(program))
  return fish(program)
}

/** A command that may stand on the line. `path`: from the program on, each word behind a blank; the program itself has none. */
type Place = { path: string; words: string[]; options: Option[] }

function placesOf(program: Command): Place[] {
  const general = optionsOf(program)
  return [program, ...allUnder(program)].map((one) => ({
    path: pathOf(one),
    words: one.commands.length > 0 ? one.commands.map(nameOf) : firstChoicesOf(one),
    // those of the program may stand behind each of its commands
    options: one === program ? general : [...optionsOf(one), ...general],
  }))
}

function allUnder(command: Command): Command[] {
  return command.commands.flatMap((one) => [one, ...allUnder(one)])
}

function pathOf(command: Command): string {
  return command.parent === null ? '' : `${pathOf(command.parent)} ${command.name()}`
}

const nameOf = (command: Command) => command.name()
const optionsOf = ({ options }: Command) => options.filter(({ long }) => long !== undefined)
const firstChoicesOf = ({ registeredArguments: [first] }: Command) => [...(first?.argChoices ?? [])]
const takesValue = ({ required, optional }: Option) => required || optional

function bash(places: Place[]): string {
  const options = places.flatMap((place) => place.options)
  const withValue = new Set(
    options.filter(takesValue).flatMap(({ short, long }) => [short, long].filter((one) => one !== undefined)),
  )
  const paths = places.flatMap(({ path }) => (path === '' ? [] : [`"${path}"`]))
  const values = places.flatMap((place) =>
    place.options
      .filter(({ argChoices }) => argChoices !== undefined)
      .map(({ long, argChoices = [] }) => `    "${place.path} ${long}") words="${argChoices.join(' ')}" ;;`),
  )
  const here = places.map(
    ({ path, words, options: own }) =>
      `    "${path}") words="${words.join(' ')}" options="${own.map(({ long }) => long).join(' ')} --help" ;;`,
  )
  return `_chronos_words() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}"
  local at="" n=1 words="" options=""
  while [ "$n" -lt "$COMP_CWORD" ]; do
    case "\${COMP_WORDS[n]}" in
      ${[...withValue].join('|')}) n=$((n + 1)) ;;
      *) case "$at \${COMP_WORDS[n]}" in ${paths.join('|')}) at="$at \${COMP_WORDS[n]}" ;; esac ;;
    esac
    n=$((n + 1))
  done
  case "$at" in
${here.join('\n')}
  esac
  case "$word" in -*) words="$options" ;; esac
  case "$before" in ${[...withValue].join('|')}) words="" ;; esac
  case "$at $before" in
${values.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _chronos_words chronos
`
}

/** For `source`, and for a folder of `fpath`, where the first Tab evaluates it as the function _chronos. */
function zsh(places: Place[]): string {
  return `#compdef chronos
autoload -U +X bashcompinit && bashcompinit
${bash(places)}if [ "\${funcstack[1]-}" = _chronos ]; then _bash_complete -o default -F _chronos_words; fi
`
}

function fish(program: Command): string {
  const lines = [
    // names of files only for commands that take them
    'complete -c chronos -f',
    ...optionsOf(program).map((option) => fishOption(option, '')),
    ...program.commands.flatMap((one) => [
      `complete -c chronos -n __fish_use_subcommand -a ${one.name()} -d ${quoted(one.description())}`,
      ...fishCommand(one, `__fish_seen_subcommand_from ${one.name()}`),
    ]),
  ]
  return `${lines.join('\n')}\n`
}

function fishCommand(command: Command, when: string): string[] {
  const condition = ` -n '${when}'`
  const choices = firstChoicesOf(command)
  const names = command.commands.map(nameOf)
  const open = `${when}; and not __fish_seen_subcommand_from ${names.join(' ')}`
  return [
    ...(command.registeredArguments.some((one) => /^files?$/.test(one.name()))
      ? [`complete -c chronos${condition} -F`]
      : []),
    ...(choices.length > 0
      ? [
          `complete -c chronos -n '${when}; and not __fish_seen_subcommand_from ${choices.join(' ')}' -f -a ${quoted(choices.join(' '))}`,
        ]
      : []),
    ...optionsOf(command).map((option) => fishOption(option, condition)),
    ...command.commands.flatMap((one) => [
      `complete -c chronos -n '${open}' -a ${one.name()} -d ${quoted(one.description())}`,
      ...fishCommand(one, `${when}; and __fish_seen_subcommand_from ${one.name()}`),
    ]),
  ]
}

function fishOption(option: Option, condition: string): string {
  const { short, long, argChoices, description } = option
  const letter = short === undefined ? '' : ` -s ${short.slice(1)}`
  const value = argChoices ? ` -x -a ${quoted(argChoices.join(' '))}` : takesValue(option) ? ' -r' : ''
  return `complete -c chronos${condition}${letter} -l ${long?.slice(2)}${value} -d ${quoted(description)}`
}

const quoted = (text: string) => `'${text.replaceAll(/['\\]/g, String.raw`\$&`)}'`
