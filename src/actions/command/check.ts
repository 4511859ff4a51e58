import { existsSync } from 'node:fs'

/** What only a shell understands, as a sentence; null: nothing. A path with a blank in it is a program if there is one. */
export function shellLineIn(command: unknown): string | null {
  if (typeof command !== 'string' || !/[\s|&;<>()$`"'*?~]/.test(command)) return null
  if (command.startsWith('/') && existsSync(command)) return null
  return 'a shell line was given, and commands are started without a shell. Give the program here and its arguments in `args`; or run the line by a shell, as ["sh","-c","…"]: "command": "sh", "args": ["-c", "…"].'
}
