import { sweepFolders } from '../actions/index.ts'
import type { CommandConfig } from '../ground/config-commands.ts'
import type { Log } from '../ground/log.ts'
import { inheritedFiles } from '../ground/inherited-files.ts'
import { isOpenToItsUser } from '../ground/privileges.ts'

/** At a start with commands: logs the rights of programs, and removes the leftovers of a killed process. */
export async function beginPrograms(
  { users, inherited = inheritedFiles() }: Pick<CommandConfig, 'users'> & { inherited?: string[] },
  log: Log,
): Promise<void> {
  if (inherited.length > 0) {
    log.warn(
      { code: 'FILES_INHERITED', files: inherited.join(', ') },
      'programs can use open files that this process was started with; close them in what starts it',
    )
  }
  if (!users) {
    const reads = isOpenToItsUser() ? ', read its memory and its environment with all secrets in it' : ''
    log.warn(
      { code: 'COMMANDS_WITHOUT_USER' },
      `programs run as the user of this service. They can stop it${reads}, and read the files of other runs; ` +
        'To give them users of their own, set COMMAND_UID and start as root (docs/security.md, "Programs")',
    )
  }
  await sweepFolders()
}
