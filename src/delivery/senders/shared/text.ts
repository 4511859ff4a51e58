import { render } from '../../../template/index.ts'
import type { Message } from './message.ts'
import { beginningOf, endOf } from '../../../ground/text.ts'

/** How a service shows text. `limit`: characters (UTF-16 code units) that it takes in all. */
export type Look = {
  limit: number
  /** Escapes text that is not meant as mark-up. Default: nothing. */
  escape?: (text: string) => string
  bold?: (text: string) => string
  /** An output, shown as it is. */
  block?: (text: string) => string
  /** The author's own words, instead of the usual ones; `templateNames` may stand in it. */
  template?: string | undefined
}

/** `isWhole` false: something of the output was left out, so that the text is within the limit. */
export type Text = { text: string; isWhole: boolean }

const same = (text: string) => text
const leastRoom = 60

/**
 * The message about a run, in at most `look.limit` characters: the output is shortened first.
 *
 * @throws AppError FIELD_INVALID: the template cannot be filled in
 */
export function textOf(message: Message, look: Look): Text {
  const write = (output: string | null) => written({ ...message, output }, look)
  const whole = write(message.output)
  if (whole.length <= look.limit) return { text: whole, isWhole: true }
  // Escapes make it longer by no fixed measure, so the room is tried out.
  for (let room = look.limit; room >= leastRoom; room = Math.floor(room * 0.8)) {
    const text = write(message.output && shortened(message.output, room))
    if (text.length <= look.limit) return { text, isWhole: false }
  }
  return { text: shortened(write(null), look.limit), isWhole: false }
}

/** The beginning and the end of a text, with a count of the omitted characters between them; at most `limit` characters. */
export function shortened(text: string, limit: number): string {
  if (text.length <= limit) return text
  const gap = `\n[... ${text.length - limit} characters and more omitted ...]\n`
  const room = Math.max(limit - gap.length, 0)
  return beginningOf(
    `${beginningOf(text, Math.ceil(room / 2))}${gap}${endOf(text, Math.floor(room / 2))}`,
    limit,
  )
}

/** One line: which job, and how it went. */
export function headlineOf({ event, job, run }: Message): string {
  if (event === 'test') return `Test of a delivery (${job.name})`
  if (event === 'health') return `${job.name} is ${run.state}`
  if (event === 'start') return `${job.name} has started`
  if (event === 'recovery') return `${job.name} succeeded again`
  return `${job.name} ${words[run.state] ?? run.state}`
}

const words: Record<string, string> = {
  succeeded: 'succeeded',
  failed: 'failed',
  timed_out: 'timed out',
  interrupted: 'was interrupted',
  cancelled: 'was cancelled',
  skipped: 'was skipped',
}

function written(message: Message, look: Look): string {
  const { escape = same, bold = same, block = same, template } = look
  if (template !== undefined) return render(template, valuesOf(message), { encode: escape })
  const { error, output, link } = message
  const lines = [
    bold(escape(headlineOf(message))),
    message.event !== 'health' && escape(factsOf(message)),
    error && escape(`${error.code}: ${error.message}`),
    output && block(escape(output)),
    link && escape(link),
  ]
  return lines.filter(Boolean).join('\n')
}

/** By the names of `templateNames` (names.ts). */
function valuesOf({ event, job, run, output, error, input }: Message): Record<string, unknown> {
  return {
    event,
    slot: run.slot?.toISOString(),
    attempt: run.attempt,
    trigger: run.trigger,
    now: new Date().toISOString(),
    'job.id': job.id,
    'job.name': job.name,
    'run.id': run.id,
    'run.state': run.state,
    'run.output': output,
    'run.error': error && `${error.code}: ${error.message}`,
    'run.duration_ms': run.durationMs,
    input,
  }
}

function factsOf({ run }: Message): string {
  const slot = run.slot ? `slot ${run.slot.toISOString()}` : `started by ${run.trigger}`
  const took = run.durationMs === null ? '' : `, ${(run.durationMs / 1000).toFixed(1)} s`
  const attempt = run.attempt > 1 ? `, attempt ${run.attempt}` : ''
  return `${slot}${took}${attempt}, run ${run.id}`
}
