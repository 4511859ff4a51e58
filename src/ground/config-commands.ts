import { availableParallelism } from 'node:os'
import { placesOf } from './config-places.ts'
import { type Env, readers } from './config-values.ts'
import type { Privileges } from './privileges.ts'

/** How programs run that jobs start. */
export type CommandConfig = {
  /** Their environment. */
  env: Record<string, string>
  /** The users that they run as, one each if there are several; null: the user of this process. */
  users: { first: number; count: number; gid: number | null } | null
  /** Of each process; 0: no limit. */
  memoryMb: number
  processorS: number
  /** Of all processes of one user of `users`; 0: no limit. */
  processes: number
  /** Of the folder of one run; 0: no limit. */
  folderMb: number
}

/**
 * Programs that may run at once. A call that waits costs a socket; a program costs memory of its own and a share of the
 * processors, and a user of its own where there are several.
 */
export function programsAtOnce(config: {
  maxConcurrentRuns: number | null
  maxConcurrentPrograms: number | null
  commands: Pick<CommandConfig, 'users'> | null
}): number {
  const { maxConcurrentPrograms, commands: on } = config
  const count = on?.users?.count ?? 1
  const users = count > 1 ? count : Number.POSITIVE_INFINITY
  return Math.min(placesOf(config), maxConcurrentPrograms ?? Math.min(20, 4 * availableParallelism(), users))
}

const usualForCommands = ['PATH', 'LANG', 'TZ']
/** Not even by COMMAND_ENV_ALLOW: with one of these a program could act as this service. */
const neverForCommands = [
  ...['DATABASE_URL', 'API_KEY', 'ENCRYPTION_KEY', 'ENCRYPTION_KEYS_OLD'],
  ...['NAS_ACCESS_TOKEN', 'NAS_REFRESH_TOKEN', 'PROMPT_API_KEY'],
  ...['QSTASH_TOKEN', 'QSTASH_CURRENT_SIGNING_KEY', 'QSTASH_NEXT_SIGNING_KEY'],
  'CLOUD_TASKS_KEY',
]

/** COMMANDS and the variables that go with it; null: no job may start a program. */
export function commands(
  env: Env,
  problems: string[],
  privileges: () => Privileges,
): Pick<CommandConfig, 'env' | 'users'> | null {
  const { text, isOn } = readers(env, problems)
  const areOn = isOn('COMMANDS')
  const more = (text('COMMAND_ENV_ALLOW') ?? '').split(/[\s,]+/).filter(Boolean)
  for (const name of more) {
    if (neverForCommands.includes(name))
      problems.push(`COMMAND_ENV_ALLOW must not name ${name}, which holds a secret of this service`)
    else if (!/^[A-Za-z_]\w*$/.test(name))
      problems.push(`COMMAND_ENV_ALLOW: "${name}" is not a variable name. Separate names by commas`)
  }
  const users = commandUsers(env, problems)
  if (!areOn) return null
  checkUsers(users, problems, privileges())
  const given = [...usualForCommands, ...more].map((name) => [name, env[name]] as const)
  const seen = given.filter((pair): pair is readonly [string, string] => pair[1] !== undefined)
  return { env: Object.fromEntries(seen), users }
}

const largestId = 2 ** 31 - 1

/** `20000`: all programs run as this user; `20000-20019`: each that runs at the same time as another one of its own. */
function commandUsers(env: Env, problems: string[]): CommandConfig['users'] {
  const { text, integer } = readers(env, problems)
  const value = text('COMMAND_UID')
  if (value === null) {
    if (text('COMMAND_GID') !== null) problems.push('COMMAND_UID is required with COMMAND_GID')
    return null
  }
  const gid = text('COMMAND_GID') === null ? null : integer('COMMAND_GID', 0, 1, largestId)
  const [, from = '', to = from] = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(value) ?? []
  const [first, last] = [Number(from), Number(to)]
  const isRange = from !== '' && first >= 1 && first <= last && last <= largestId
  // A program that runs as root is this service, and more.
  if (isRange) return { first, count: last - first + 1, gid }
  problems.push(
    `COMMAND_UID must be the number of a user other than root, or a range such as 20000-20019, not "${value}"`,
  )
  return null
}

function checkUsers(
  users: CommandConfig['users'],
  problems: string[],
  { uid, mayChangeUsers }: Privileges,
): void {
  if (!users) {
    if (mayChangeUsers && problems.every((line) => !line.startsWith('COMMAND_UID')))
      problems.push(
        'COMMAND_UID is required with COMMANDS=on, because this process may change users. ' +
          'Set it to users that only programs have (20000-20019), so that programs cannot read the secrets of this service',
      )
    return
  }
  if (!mayChangeUsers)
    problems.push(
      'COMMAND_UID is set, but this process may not start programs as another user. ' +
        'Start it as root (with the capabilities CHOWN, DAC_OVERRIDE, KILL, SETGID and SETUID), or remove COMMAND_UID',
    )
  if (uid !== null && uid >= users.first && uid < users.first + users.count)
    problems.push(`COMMAND_UID includes ${uid}, the user of this process. Programs need a user of their own`)
}
