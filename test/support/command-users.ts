import { ownPrivileges } from '../../src/ground/privileges.ts'

/** Whether this machine lets us start programs as another user (root does). */
export const { mayChangeUsers } = ownPrivileges()

/**
 * Users that no one is, as many as a process makes attempts at once, and others in each process of tests: a service
 * ends everything that runs as the user of a run that has ended.
 */
const users = 20
const firstUser = 1_000_000 + process.pid * users

/** What COMMANDS=on needs beside itself here. */
export const commandsOn: Record<string, string> = mayChangeUsers
  ? { COMMANDS: 'on', COMMAND_UID: `${firstUser}-${firstUser + users - 1}` }
  : { COMMANDS: 'on' }
