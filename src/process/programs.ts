import { sweepFolders } from '../actions/index.ts'
import type { CommandConfig } from '../ground/config.ts'
import type { Log } from '../ground/log.ts'
import { isOpenToItsUser } from '../ground/privileges.ts'

/** At a start with commands: says plainly what a program can do, and clears away what a killed process has left. */
export async function beginPrograms({ users }: Pick<CommandConfig, 'users'>, log: Log): Promise<void> {
  if (!users) {
    const reads = isOpenToItsUser() ? ', read its memory and its environment with all secrets in it' : ''
    log.warn(
      { code: 'COMMANDS_WITHOUT_USER' },
      `programs run as the user of this service: they can stop it${reads}, and read the files of other runs; ` +
        'set COMMAND_UID and start as root to give them users of their own (docs/security.md, "Programs")',
    )
  }
  await sweepFolders()
}
