import type { Command } from 'commander'

/** Completion of commands and options, written from the commands that there are. */
export function completionOf(program: Command, shell: string): string | null {
  const names = program.commands.map((one) => one.name())
  // those of all commands may stand behind each of them
  const general = [...wordsOf(program).filter((word) => word.startsWith('--')), '--help']
  const words = new Map(program.commands.map((one) => [one.name(), [...wordsOf(one), ...general]]))
  if (shell === 'bash') return bash(names, words)
  if (shell === 'zsh')
    return `#compdef chronos\nautoload -U +X bashcompinit && bashcompinit\n${bash(names, words)}`
  return shell === 'fish' ? fish(program) : null
}

function wordsOf(command: Command): string[] {
  const options = command.options.map(({ long }) => long ?? '').filter((long) => long !== '')
  return [...command.commands.map((one) => one.name()), ...options]
}

function bash(names: string[], words: Map<string, string[]>): string {
  const cases = [...words].map(([name, own]) => `    ${name}) words="${own.join(' ')}" ;;`)
  return `_chronos() {
  local word="\${COMP_WORDS[COMP_CWORD]}" words="${names.join(' ')}"
  [ "$COMP_CWORD" -gt 1 ] && case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
    *) words="" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _chronos chronos
`
}

function fish(program: Command): string {
  const lines = program.commands.flatMap((one) => [
    `complete -c chronos -n __fish_use_subcommand -a ${one.name()} -d ${quoted(one.description())}`,
    ...wordsOf(one).map((word) =>
      word.startsWith('--')
        ? `complete -c chronos -n '__fish_seen_subcommand_from ${one.name()}' -l ${word.slice(2)}`
        : `complete -c chronos -n '__fish_seen_subcommand_from ${one.name()}' -a ${word}`,
    ),
  ])
  return `${lines.join('\n')}\n`
}

const quoted = (text: string) => `'${text.replaceAll("'", String.raw`\'`)}'`
