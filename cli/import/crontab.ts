import { callOfLine } from './call.ts'
import { asWritten, type Imported, shortName } from './imported.ts'
import { nameOf } from './name-of.ts'

/** What lines further up have set. */
type Setting = {
  env: Record<string, string>
  shell: string
  timezone: string | null
  mailto: string | null
  delayMinutes: number
}

const variable = /^\s*([A-Za-z_]\w*)\s*=\s*(.*?)\s*$/
const nickname = /^(@[a-z_]+)\s+(.*)$/i
const fields = /^((?:\S+\s+){4}\S+)\s+(.*)$/

/** `isSystem`: with a user before each command, as /etc/crontab and /etc/cron.d have it; the head of the columns may say so too. */
export function importCrontab(text: string, { isSystem }: { isSystem: boolean }): Imported[] {
  const setting: Setting = { env: {}, shell: '/bin/sh', timezone: null, mailto: null, delayMinutes: 0 }
  const hasUsers = isSystem || /^\s*#.*\buser(?:-?name)?\s+command\b/im.test(text)
  const found: Imported[] = []
  // of a block of comments the first line says what it is
  let comment: string | null = null
  for (const [n, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim()
    if (line.startsWith('#')) {
      const said = line.replaceAll(/^[#\s*=-]+|[#\s*=:-]+$/g, '')
      if (said !== '') comment = isNoName(line.replace(/^#+\s*/, '')) ? null : (comment ?? said)
      continue
    }
    const [, name = '', value = ''] = variable.exec(line) ?? []
    if (line === '') comment = null
    else if (name !== '') {
      set(setting, name, value.replace(/^(["'])(.*)\1$/, '$2'))
      comment = null
    } else {
      found.push(jobOf(line, { n: n + 1, comment, setting, isSystem: hasUsers }))
      comment = null
    }
  }
  return found
}

/** The head of the columns, a picture of them, a line or a variable that is switched off, or a word for an editor. */
function isNoName(comment: string): boolean {
  return (
    /^m\s+h\s+dom\s+mon\s+dow\b|\bhour\b.*\bday\b|\bcommand\b.*\bexecuted\b/i.test(comment) ||
    /^(?:[\d*][\d*/,-]*\s+){3}|^@[a-z]+\s+\S/.test(comment) ||
    /^[A-Z_]+\s*=|^!|^(?:vim?|ex):|[│┌└─]|^[|.\s*-]+$/.test(comment) ||
    !/\p{L}/u.test(comment)
  )
}

function set(setting: Setting, name: string, value: string): void {
  if (name === 'SHELL') setting.shell = value
  else if (name === 'CRON_TZ' || name === 'TZ') setting.timezone = value
  else if (name === 'MAILTO') setting.mailto = value
  else if (name === 'RANDOM_DELAY') setting.delayMinutes = Number(value) || 0
  else setting.env = { ...setting.env, [name]: value }
}

type Line = { n: number; comment: string | null; setting: Setting; isSystem: boolean }

function jobOf(line: string, { n, comment, setting, isSystem }: Line): Imported {
  const place = `line ${n}: ${line}`
  const [, schedule = '', rest = ''] = nickname.exec(line) ?? fields.exec(line) ?? []
  if (schedule === '') return { place, name: '', job: null, notes: ['This is no line of a crontab.'] }
  const [, user = '', ownLine = ''] = isSystem ? (/^(\S+)\s+(.*)$/.exec(rest) ?? []) : ['', '', rest]
  const { command, stdin } = splitPercent(ownLine)
  const name = comment === null ? nameOf(command) : shortName(comment)
  if (schedule.toLowerCase() === '@reboot')
    return { place, name, job: null, notes: ['A service that scales to zero has no boot to run at.'] }
  const { action, notes } = actionOf(command, stdin, setting)
  const job = {
    schedule: schedule.split(/\s+/).map(spread).join(' '),
    ...(setting.timezone !== null && { timezone: setting.timezone }),
    action: asWritten(action),
    ...(setting.delayMinutes > 0 && { jitter_ms: setting.delayMinutes * 60_000 }),
    // cron starts a job whether or not the one before has ended, and forgets what it missed
    overlap: 'allow',
    catch_up: 'none',
  }
  return { place, name, job, notes: [...notes, ...notesOf({ user, command, stdin, setting, action })] }
}

/** `0~29`, an instant that cron chooses when it starts: here by the job, and it stays. */
function spread(field: string, position: number): string {
  const [whole, first, last] = /^(\d*)~(\d*)$/.exec(field) ?? []
  if (whole === undefined) return field
  const [least = 0, most = 0] = spans[position] ?? []
  return whole === '~' ? 'H' : `H(${first || least}-${last || most})`
}

const spans = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 6],
]

/** An unescaped % ends the command; what follows is its standard input, in which each further one ends a line. */
function splitPercent(line: string): { command: string; stdin: string | null } {
  const [command = '', ...lines] = line.split(/(?<!\\)%/).map((part) => part.replaceAll(String.raw`\%`, '%'))
  return { command: command.trim(), stdin: lines.length > 0 ? `${lines.join('\n')}\n` : null }
}

function actionOf(command: string, stdin: string | null, { shell, env }: Setting) {
  const call = stdin === null ? callOfLine(command) : null
  if (call !== null) return call
  const action = {
    type: 'command',
    command: shell,
    args: ['-c', command],
    ...(Object.keys(env).length > 0 && { env }),
    ...(stdin !== null && { stdin }),
  }
  return {
    action,
    notes: ['The service runs programs only if COMMANDS is "on", and only those of its own machine.'],
  }
}

type NotesOf = {
  user: string
  command: string
  stdin: string | null
  setting: Setting
  action: { type: string }
}

function notesOf({ user, command, setting, action }: NotesOf): string[] {
  const { mailto } = setting
  return [
    ...(user && action.type === 'command' ? [`It ran as ${user}; here it runs as COMMAND_UID says.`] : []),
    ...(mailto ? [`MAILTO=${mailto}: make a channel of type email, and name it in \`deliver\`.`] : []),
    ...(/\bflock\b/.test(command) ? ['Instead of flock, `overlap: skip` keeps two runs apart.'] : []),
  ]
}
