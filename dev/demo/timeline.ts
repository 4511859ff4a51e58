import { styleText } from 'node:util'
import type { Bill, FlyEvent } from '../fly/index.ts'

/** One line for each thing that matters, with the seconds since the start and who did it. */
export function createTimeline(
  print: (text: string) => void = (text) => void process.stdout.write(`${text}\n`),
) {
  const startedAt = performance.now()
  const names = new Map<string, string>()
  const since = new Map<string, number>()
  const taken = new Set<string>()
  let isOver = false

  function show(who: string, text: string) {
    if (isOver) return
    const at = ((performance.now() - startedAt) / 1000).toFixed(2).padStart(6)
    const named = [...names].reduce((said, [id, name]) => said.replaceAll(id, name), text)
    print(`${styleText('dim', at)} ${colour(who, who.padEnd(8))} ${named}`)
  }

  /** How long ago `key` began, in words; begins it again. */
  const took = (key: string) => {
    const ms = performance.now() - (since.get(key) ?? performance.now())
    return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`
  }

  function fly({ machine, what, detail }: FlyEvent) {
    if (machine && (what === 'start' || what === 'resume')) since.set(machine, performance.now())
    if (what === 'request') since.set(detail, performance.now())
    if (what === 'start') show(machine ?? '', styleText('green', `on: ${detail}`))
    if (what === 'kill') show(machine ?? '', styleText('red', detail))
    if (what === 'exit') {
      const how = detail === '0' ? 'nothing to do, so it goes down by itself' : `died (${detail})`
      show(
        machine ?? '',
        styleText(detail === '0' ? 'dim' : 'red', `off after ${took(machine ?? '')}: ${how}`),
      )
    }
    if (what === 'answer') {
      const [method, path, status] = detail.split(' ')
      show('proxy', `${method} ${path} → ${status}, ${took(`${method} ${path}`)} after it came`)
    }
  }

  /** A line of the service's log: only what a run does. */
  function log(machine: string, raw: string) {
    const { msg, job, attempt, state } = readEntry(raw)
    if (msg === 'run begins') show(machine, `runs ${job}, attempt ${attempt}`)
    if (msg === 'run ends') show(machine, styleText('green', `${job}: ${state}`))
  }

  /** A line of the relay: when, how grave, what, and its fields as name=value. */
  function relay(raw: string) {
    const [, what = '', fields = ''] = /^\S+ \S+ (\w+) (.*)$/.exec(raw) ?? []
    const { job = '', fire_at: at = '', try: tries = '', status } = fieldsIn(fields)
    const inMs = Date.parse(at) - Date.now()
    if (what === 'armed')
      show('relay', `is asked to call for ${job} in ${Math.max(0, inMs / 1000).toFixed(1)} s`)
    if (what === 'fired') {
      if (status === '202') taken.add(job)
      show('relay', styleText('bold', `has called for ${job}${tries === '1' ? '' : `, try ${tries}`}`))
    }
  }

  return {
    fly,
    relay,
    /** Whether a fire of the job was answered 202. */
    accepted: (id: string) => taken.has(id),
    idleMs,
    log,
    say: (text: string) => show('', text),
    chapter: (text: string) => print(`\n${styleText('bold', text)}`),
    name: (id: string, name: string) => void names.set(id, name),
    bill({ awakeS, elapsedS, starts }: Bill) {
      const perStartS = awakeS / starts
      print(`\n${styleText('bold', 'The bill')}`)
      const dayS = 4 * 24 * perStartS
      print(
        [
          `  here       ${awakeS.toFixed(1)} s awake in ${starts} starts, of ${elapsedS.toFixed(1)} s that an always-on process is paid for`,
          `  a wake-up  ${perStartS.toFixed(1)} s, of which ${idleMs / 1000} s is the wait for neighbours before the exit`,
          `  a day      of four jobs an hour, each alone: ${Math.round(dayS)} s awake; always on 86400 s, ${Math.round(86_400 / dayS)} times as much`,
        ].join('\n'),
      )
    },
    /** What follows is cleaning up. */
    end() {
      isOver = true
    },
  }
}

/** IDLE_EXIT_MS of fly.toml. */
const idleMs = 1_000

function fieldsIn(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split(' ').map((field) => field.split(/=(.*)/s).slice(0, 2) as [string, string]),
  )
}

function readEntry(raw: string): Record<string, string> {
  return raw.startsWith('{') ? (JSON.parse(raw) as Record<string, string>) : {}
}

const colours = { relay: 'magenta', proxy: 'blue', m1: 'cyan', m2: 'yellow' } as const

function colour(who: string, text: string): string {
  return who in colours ? styleText(colours[who as keyof typeof colours], text) : text
}
