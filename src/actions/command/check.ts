import { existsSync } from 'node:fs'

/** What only a shell understands, as a sentence; null: nothing. A path with a blank in it is a program if there is one. */
export function shellLineIn(command: unknown): string | null {
  if (typeof command !== 'string' || !/[\s|&;<>()$`"'*?~]/.test(command)) return null
  if (command.startsWith('/') && existsSync(command)) return null
  return 'must be the path or name of a program; commands are not started by a shell. Put the arguments in `args`, or start a shell: "command": "sh", "args": ["-c", "…"]'
}
