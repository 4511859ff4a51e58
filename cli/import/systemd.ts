import { basename } from 'node:path'
import { asWritten, type Imported } from './imported.ts'
import { calendarOf, everyOf, spanMs } from './on-calendar.ts'
import { wordsOf } from './words.ts'

type Unit = Map<string, string[]>

/** Timers of systemd, each with the service of its name (or of its `Unit=`). `files`: texts by path. */
export function importSystemd(files: Map<string, string>): Imported[] {
  const named = new Map([...files].map(([path, text]) => [basename(path), text]))
  const timers = [...named].filter(([name]) => name.endsWith('.timer'))
  return timers.flatMap(([file, text]) => {
    const timer = unitOf(text)
    const service = timer.get('Unit')?.at(-1) ?? file.replace(/\.timer$/, '.service')
    const found = named.get(service)
    return timerOf(file, timer, found === undefined ? null : unitOf(found), service)
  })
}

/** The values by their names; sections do not share names that are read here. An empty value takes back those before it. */
function unitOf(text: string): Unit {
  const unit: Unit = new Map()
  for (const line of text.replaceAll(/\\\r?\n/g, ' ').split(/\r?\n/)) {
    const [, name = '', value = ''] = /^\s*([A-Za-z]+)\s*=\s*(.*?)\s*$/.exec(line) ?? []
    if (name !== '') unit.set(name, value === '' ? [] : [...(unit.get(name) ?? []), value])
  }
  return unit
}

function timerOf(file: string, timer: Unit, service: Unit | null, serviceName: string): Imported[] {
  const name = file.replace(/@?\.timer$/, '')
  const { command, isPlain } = commandIn(service?.get('ExecStart')?.[0])
  const words = command === undefined ? null : wordsOf(command)
  const active = timer.get('OnUnitActiveSec') ?? timer.get('OnUnitInactiveSec') ?? []
  const notes = [
    ...(service ? [] : [`${serviceName} was not given: write its command.`]),
    ...(service && command === undefined ? [`${serviceName} has no ExecStart: write its command.`] : []),
    ...(isPlain ? [] : [`It names what systemd fills in (such as %i or %h): ${command}. Write it out.`]),
    ...ownersOf(service),
    ...leftOutOf(service),
    ...startsOf(timer),
    ...(active.length > 0
      ? ['Its interval counts from fixed instants here, and not from the last run.']
      : []),
    'The service runs programs only if COMMANDS is "on", and only those of its own machine.',
  ]
  const [program = '/bin/sh', ...args] = words ?? ['/bin/sh', '-c', command ?? 'exit 1']
  const env = Object.fromEntries((service?.get('Environment') ?? []).flatMap(variablesIn)) as object
  const folder = service?.get('WorkingDirectory')?.[0]?.replace(/^-/, '')
  const rest = {
    action: asWritten({
      type: 'command',
      command: program,
      ...(args.length > 0 && { args }),
      ...(Object.keys(env).length > 0 && { env }),
      ...(folder?.startsWith('/') && { cwd: folder }),
    }),
    catch_up: isYes(timer.get('Persistent')?.at(-1)) ? 'latest' : 'none',
    // a unit that is active is not started a second time
    overlap: 'skip',
    ...limitsOf(timer, service),
  }
  const jobs = [...calendarsOf(timer), ...active.map(intervalOf)]
  if (jobs.length === 0)
    return [{ place: file, name, job: null, notes: ['It has neither OnCalendar nor OnUnitActiveSec.'] }]
  return jobs.map(({ text, schedule, timezone }) => {
    const place = `${file}: ${text}`
    if (schedule === null) return { place, name, job: null, notes: ['Write this schedule as cron.'] }
    return { place, name, job: { schedule, ...(timezone !== null && { timezone }), ...rest }, notes }
  })
}

type Found = { text: string; schedule: string | string[] | null; timezone: string | null }

/** The calendars of one zone are one job: the timer starts one service. */
function calendarsOf(timer: Unit): Found[] {
  const found = (timer.get('OnCalendar') ?? []).map((text) => ({ text, read: calendarOf(text) }))
  const zones = new Map<string | null, { text: string; schedule: string }[]>()
  for (const { text, read } of found)
    if (read)
      zones.set(read.timezone, [...(zones.get(read.timezone) ?? []), { text, schedule: read.schedule }])
  const refused = found.filter(({ read }) => read === null)
  return [
    ...[...zones].map(([timezone, all]) => {
      const schedules = all.map(({ schedule }) => schedule)
      const text = all.map((one) => `OnCalendar=${one.text}`).join(' ')
      return { text, schedule: schedules.length === 1 ? (schedules[0] ?? '') : schedules, timezone }
    }),
    ...refused.map(({ text }) => ({ text: `OnCalendar=${text}`, schedule: null, timezone: null })),
  ]
}

function intervalOf(text: string): Found {
  const ms = spanMs(text)
  return { text: `OnUnitActiveSec=${text}`, schedule: ms === null ? null : everyOf(ms), timezone: null }
}

const isYes = (text: string | undefined) => /^(1|yes|y|true|t|on)$/i.test(text ?? '')

/** Without the marks that stand before it. `isPlain`: without what systemd fills in, but for `%%`. */
function commandIn(text: string | undefined): { command: string | undefined; isPlain: boolean } {
  const command = text?.replace(/^[-@:+!|]+/, '')
  return {
    command: command?.replaceAll('%%', '%'),
    isPlain: !/%[A-Za-z]/.test(command?.replaceAll('%%', '') ?? ''),
  }
}

function ownersOf(service: Unit | null): string[] {
  const user = service?.get('User')?.[0]
  const files = service?.get('EnvironmentFile') ?? []
  return [
    ...(user ? [`It ran as ${user}; here it runs as COMMAND_UID says.`] : []),
    ...files.map((file) => `EnvironmentFile=${file} is not read.`),
  ]
}

function startsOf(timer: Unit): string[] {
  const starts = ['OnBootSec', 'OnStartupSec', 'OnActiveSec'].filter((name) => timer.get(name)?.length)
  return starts.map((name) => `${name}: a service that scales to zero has no boot to run at.`)
}

/** The service takes no more. */
const longestMs = 86_400_000

function limitsOf(timer: Unit, service: Unit | null): { jitter_ms?: number; timeout_ms?: number } {
  const jitterMs = spanMs(timer.get('RandomizedDelaySec')?.at(-1) ?? '')
  // the time to start is the time to run of a unit that ends by itself
  const isOneshot = service?.get('Type')?.at(-1) === 'oneshot'
  const limit = service?.get(isOneshot ? 'TimeoutStartSec' : 'RuntimeMaxSec')?.at(-1) ?? ''
  const timeoutMs = spanMs(limit)
  return {
    ...(jitterMs && { jitter_ms: Math.min(Math.round(jitterMs), longestMs) }),
    ...(timeoutMs && { timeout_ms: Math.min(Math.max(Math.round(timeoutMs), 1), longestMs) }),
  }
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
