import { type Imported, wordsOf } from './imported.ts'

type Unit = Map<string, string[]>

/** Timers of systemd, each with the service of its name (or of its `Unit=`). `files`: texts by file name. */
export function importSystemd(files: Map<string, string>): Imported[] {
  const timers = [...files].filter(([name]) => name.endsWith('.timer'))
  return timers.flatMap(([file, text]) => {
    const timer = unitOf(text)
    const service = timer.get('Unit')?.[0] ?? file.replace(/\.timer$/, '.service')
    const found = files.get(service)
    return timerOf(file, timer, found === undefined ? null : unitOf(found), service)
  })
}

/** The values by their names; sections do not share names that are read here. */
function unitOf(text: string): Unit {
  const unit: Unit = new Map()
  for (const line of text.replaceAll(/\\\n/g, ' ').split('\n')) {
    const [, name = '', value = ''] = /^\s*([A-Za-z]+)\s*=\s*(.*?)\s*$/.exec(line) ?? []
    if (name !== '') unit.set(name, [...(unit.get(name) ?? []), value])
  }
  return unit
}

function timerOf(file: string, timer: Unit, service: Unit | null, serviceName: string): Imported[] {
  const name = file.replace(/\.timer$/, '')
  const calendars = timer.get('OnCalendar') ?? []
  const active = timer.get('OnUnitActiveSec') ?? timer.get('OnUnitInactiveSec') ?? []
  const command = service?.get('ExecStart')?.[0]?.replace(/^[-@:+!]+/, '')
  const words = command === undefined ? null : wordsOf(command)
  const notes = [
    ...(service ? [] : [`${serviceName} was not given: write its command.`]),
    ...(service?.get('User')
      ? [`It ran as ${service.get('User')?.[0]}; here it runs as COMMAND_UID says.`]
      : []),
    ...(service?.get('EnvironmentFile')
      ? [`EnvironmentFile=${service.get('EnvironmentFile')?.[0]} is not read.`]
      : []),
    ...leftOutOf(service),
    ...(timer.get('OnBootSec') ? ['OnBootSec: a service that scales to zero has no boot to run at.'] : []),
    'The service runs programs only if COMMANDS is "on", and only those of its own machine.',
  ]
  const [program = '/bin/sh', ...args] = words ?? ['/bin/sh', '-c', command ?? 'exit 1']
  const env = Object.fromEntries((service?.get('Environment') ?? []).flatMap(variablesIn)) as object
  const rest = {
    action: {
      type: 'command',
      command: program,
      ...(args.length > 0 && { args }),
      ...(Object.keys(env).length > 0 && { env }),
      ...(service?.get('WorkingDirectory') && { cwd: service.get('WorkingDirectory')?.[0] }),
    },
    catch_up: timer.get('Persistent')?.[0] === 'true' ? 'latest' : 'none',
    ...jitterOf(timer),
  }
  const schedules = [
    ...calendars.map((text) => ({ text: `OnCalendar=${text}`, ...calendarOf(text) })),
    ...active.map((text) => ({
      text: `OnUnitActiveSec=${text}`,
      schedule: intervalOf(text),
      timezone: null,
    })),
  ]
  if (schedules.length === 0)
    return [{ place: file, name, job: null, notes: ['It has neither OnCalendar nor OnUnitActiveSec.'] }]
  return schedules.map(({ text, schedule, timezone }) => {
    const place = `${file}: ${text}`
    if (schedule === null) return { place, name, job: null, notes: ['Write this schedule as cron.'] }
    return { place, name, job: { schedule, ...(timezone !== null && { timezone }), ...rest }, notes }
  })
}

/** A job has one command: what the service runs before it, after it and besides it. */
function leftOutOf(service: Unit | null): string[] {
  const others = ['ExecStartPre', 'ExecStartPost', 'ExecStopPost'].flatMap((name) =>
    (service?.get(name) ?? []).map((value) => `${name}=${value}`),
  )
  const more = (service?.get('ExecStart') ?? []).slice(1).map((value) => `ExecStart=${value}`)
  return [...more, ...others].map((line) => `${line} is left out: put all of it into one script.`)
}

function variablesIn(text: string): [string, string][] {
  const words = wordsOf(text) ?? [text]
  return words.flatMap((word) => {
    const [, name = '', value = ''] = /^(\w+)=(.*)$/s.exec(word) ?? []
    return name === '' ? [] : [[name, value] as [string, string]]
  })
}

function jitterOf(timer: Unit): { jitter_ms?: number } {
  const ms = millisecondsOf(timer.get('RandomizedDelaySec')?.[0] ?? '')
  return ms ? { jitter_ms: ms } : {}
}

const unitMs: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

function millisecondsOf(text: string): number | null {
  if (/^\d+$/.test(text)) return Number(text) * 1_000
  const parts = [...text.matchAll(/(\d+)\s*(s|sec|m|min|h|hr|d|day|days|w)\b/g)]
  if (parts.length === 0) return null
  return parts.reduce(
    (sum, [, count = '0', unit = 's']) => sum + Number(count) * (unitMs[unit[0] ?? 's'] ?? 0),
    0,
  )
}

function intervalOf(text: string): string | null {
  const ms = millisecondsOf(text)
  return ms ? `every ${ms / 1_000}s` : null
}

const nicknames: Record<string, string> = {
  ...{ minutely: '* * * * *', hourly: '0 * * * *', daily: '0 0 * * *', weekly: '0 0 * * 1' },
  ...{ monthly: '0 0 1 * *', yearly: '0 0 1 1 *', annually: '0 0 1 1 *' },
}

/** A calendar event with its zone, which stands last. */
function calendarOf(calendar: string): { schedule: string | null; timezone: string | null } {
  const [, rest = calendar, zone = null] =
    /^(.*\S)\s+(UTC|[A-Z][A-Za-z_]+\/[\w/+-]+)$/.exec(calendar.trim()) ?? []
  return { schedule: cronOf(rest), timezone: zone }
}

/** The common forms of systemd.time(7) as cron; null: another one. */
function cronOf(calendar: string): string | null {
  const known = nicknames[calendar.trim().toLowerCase()]
  if (known) return known
  const tokens = calendar.trim().split(/\s+/)
  const days = /^[A-Za-z]/.test(tokens[0] ?? '') ? tokens.shift() : undefined
  const date = tokens[0]?.includes('-') ? tokens.shift() : undefined
  const [time = '00:00', ...others] = tokens
  const [day = '*', month = '*', year = '*'] = (date ?? '')
    .split('-')
    .toReversed()
    .map((part) => part || '*')
  const [hour = '', minute = '', second = '0'] = time.split(':')
  if (others.length > 0 || year !== '*' || !/^0+$/.test(second)) return null
  const cron = [minute, hour, day, month].map(fieldOf)
  if (cron.includes(null)) return null
  return [...cron, days ? days.replaceAll('..', '-').toUpperCase() : '*'].join(' ')
}

/** Without leading zeros; null: nothing that cron has. */
function fieldOf(text: string): string | null {
  if (text === '*') return text
  const [, step] = /^(?:\*|0+)\/(\d+)$/.exec(text) ?? []
  if (step !== undefined) return `*/${Number(step)}`
  if (!/^\d+(\.\.\d+)?(,\d+(\.\.\d+)?)*$/.test(text)) return null
  return text.replaceAll('..', '-').replaceAll(/\d+/g, (digits) => String(Number(digits)))
}
