import { basename } from 'node:path'
import { type Imported, wordsOf } from './imported.ts'

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

/** `isSystem`: with a user before each command, as /etc/crontab and /etc/cron.d have it. */
export function importCrontab(text: string, { isSystem }: { isSystem: boolean }): Imported[] {
  const setting: Setting = { env: {}, shell: '/bin/sh', timezone: null, mailto: null, delayMinutes: 0 }
  const found: Imported[] = []
  let comment: string | null = null
  for (const [n, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (line.startsWith('#')) {
      const said = line.replace(/^#+\s*/, '')
      comment = said === '' || isNoName(said) ? null : said
      continue
    }
    const [, name = '', value = ''] = variable.exec(line) ?? []
    if (line === '') comment = null
    else if (name !== '') set(setting, name, value.replace(/^(["'])(.*)\1$/, '$2'))
    else {
      found.push(jobOf(line, { n: n + 1, comment, setting, isSystem }))
      comment = null
    }
  }
  return found
}

/** The heads of the columns, as Debian has them above the first line, or a line that is switched off. */
function isNoName(comment: string): boolean {
  return /^m\s+h\s+dom\s+mon\s+dow\b/.test(comment) || /^(?:[\d*][\d*/,-]*\s+){3}/.test(comment)
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
  const name = comment?.slice(0, 200) ?? nameOf(command)
  if (schedule.toLowerCase() === '@reboot')
    return { place, name, job: null, notes: ['A service that scales to zero has no boot to run at.'] }
  const { action, notes } = actionOf(command, stdin, setting)
  const job = {
    schedule: schedule.replaceAll(/\s+/g, ' '),
    ...(setting.timezone !== null && { timezone: setting.timezone }),
    action,
    ...(setting.delayMinutes > 0 && { jitter_ms: setting.delayMinutes * 60_000 }),
    // cron starts a job whether or not the one before has ended, and forgets what it missed
    overlap: 'allow',
    catch_up: 'none',
  }
  return { place, name, job, notes: [...notes, ...notesOf({ user, command, stdin, setting, action })] }
}

/** An unescaped % ends the command; what follows is its standard input, in which each further one ends a line. */
function splitPercent(line: string): { command: string; stdin: string | null } {
  const [command = '', ...lines] = line.split(/(?<!\\)%/).map((part) => part.replaceAll(String.raw`\%`, '%'))
  return { command: command.trim(), stdin: lines.length > 0 ? `${lines.join('\n')}\n` : null }
}

function nameOf(command: string): string {
  // a test before the program says nothing of it
  const [program = 'job', ...args] = command.replace(/^\[.*?\]\s*(?:&&|\|\|)\s*/, '').split(/\s+/)
  const script = /^(ba|da|z)?sh$|^(python|node|php|ruby|perl)[\d.]*$/.test(basename(program))
    ? args[0]
    : undefined
  return basename(script ?? program).slice(0, 100) || 'job'
}

const quietFlag = /^-[fsSLk]+$|^--(fail|silent|show-error|location)$/

/** A plain call of curl or wget is an http action, which needs no program on the machine. */
function urlOf(words: string[] | null): string | null {
  const [program = '', ...args] = words ?? []
  if (!/^(.*\/)?(curl|wget)$/.test(program)) return null
  const rest: string[] = []
  for (let n = 0; n < args.length; n++) {
    const arg = args[n] ?? ''
    if (['-o', '-O', '--output', '--max-time', '-m', '--retry'].includes(arg) && n + 1 < args.length) n++
    else if (!quietFlag.test(arg) && arg !== '-q') rest.push(arg)
  }
  const [url = '', ...others] = rest
  return others.length === 0 && /^https?:\/\//.test(url) ? url : null
}

function actionOf(command: string, stdin: string | null, { shell, env }: Setting) {
  const url = stdin === null ? urlOf(wordsOf(command.replace(/\s*>\s*\/dev\/null(\s+2>&1)?\s*$/, ''))) : null
  if (url !== null)
    return { action: { type: 'http', method: 'GET', url }, notes: ['The call became an http action.'] }
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

function notesOf({ user, command, stdin, setting, action }: NotesOf): string[] {
  const { mailto } = setting
  return [
    ...(user && action.type === 'command' ? [`It ran as ${user}; here it runs as COMMAND_UID says.`] : []),
    ...(mailto ? [`MAILTO=${mailto}: make a channel of type email, and name it in \`deliver\`.`] : []),
    ...(mailto === '' ? ['MAILTO is empty: cron told nobody.'] : []),
    ...(`${command}${stdin ?? ''}`.includes('{{') ? ['"{{" begins a template here: change the text.'] : []),
    ...(/\bflock\b/.test(command) ? ['Instead of flock, `overlap: skip` keeps two runs apart.'] : []),
  ]
}
