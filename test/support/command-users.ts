import { ownPrivileges } from '../../src/ground/privileges.ts'

/** Whether this machine lets us start programs as another user (root does). */
export const { mayChangeUsers } = ownPrivileges()

/** Users that no one is; as many as a process makes attempts at once. */
const firstUser = 61_000

/** What COMMANDS=on needs beside itself here. */
export const commandsOn: Record<string, string> = mayChangeUsers
  ? { COMMANDS: 'on', COMMAND_UID: `${firstUser}-${firstUser + 19}` }
  : { COMMANDS: 'on' }
