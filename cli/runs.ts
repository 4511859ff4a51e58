import { EventSourceParserStream } from 'eventsource-parser/stream'
import { setTimeout as delay } from 'node:timers/promises'
import { spanOf } from '../src/ground/span.ts'
import { type Api, type Json, jobNamed } from './api.ts'
import type { Context } from './context.ts'
import { exitCodes, Stop } from './io.ts'
import { stateStyle, tableOf, whenOf } from './show.ts'
import { instantOf } from './span.ts'

const failures = 'failed,timed_out,interrupted'

type RunsWish = {
  failed?: boolean
  status?: string
  since?: string
  job?: string
  tag?: string
  limit: number
}

export async function listRuns(context: Context, wish: RunsWish) {
  const api = await context.api()
  const query = new URLSearchParams({ limit: String(wish.limit) })
  const states = wish.failed ? failures : wish.status
  if (states !== undefined) query.set('status', states)
  if (wish.since !== undefined) query.set('since', instantOf(wish.since))
  if (wish.tag !== undefined) query.set('tag', wish.tag)
  if (wish.job !== undefined) query.set('job', (await jobNamed(api, wish.job)).id)
  const { runs } = await api.call('GET', `/api/runs?${query}`)
  context.show(runs, () =>
    runs.length === 0
      ? 'No runs.\n'
      : tableOf(
          ['RUN', 'JOB', 'STATE', 'BEGAN', 'TOOK', 'ERROR'],
          runs.map((run: Json) => [
            run.id,
            run.job_name,
            context.paint(stateStyle(run.state), run.state),
            whenOf(run.started_at),
            run.duration_ms === null ? '–' : spanOf(run.duration_ms),
            run.error === null ? '' : shortened(`${run.error.code}: ${run.error.message}`),
          ]),
        ),
  )
}

const mostOfError = 80
const shortened = (text: string) => (text.length > mostOfError ? `${text.slice(0, mostOfError - 1)}…` : text)

/** With `follow` it ends as the run does: exit code 1 if the run did not succeed. */
export async function startRun(
  context: Context,
  name: string,
  { input, follow }: { input?: string; follow?: boolean },
) {
  const api = await context.api()
  const job = await jobNamed(api, name)
  const body = input === undefined ? {} : { input: jsonIn(input) }
  const { run } = await api.call('POST', `/api/jobs/${job.id}/run`, body)
  if (!follow) return context.show(run, () => `${job.name} runs: ${run.id}\n`)
  context.io.err(`${job.name} runs: ${run.id}\n`)
  // programs get the run as JSON, and nothing else beside it
  const show = (text: string) => (context.isForPrograms ? context.io.err(text) : context.say(text))
  const hasLog = await whileFollowed(context, run.id, () => followLog(api, run.id, { attempt: null, show }))
  const { run: ended } = await api.call('GET', `/api/runs/${run.id}`)
  context.show(ended, () => outcomeOf(ended, { context, isShown: hasLog }))
  if (ended.state !== 'succeeded') throw new Stop('', exitCodes.failed)
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Stop(`--input is not JSON: ${text.slice(0, 80)}`, exitCodes.usage)
  }
}

/** `isShown`: its log was, and the output is the end of that. */
function outcomeOf(
  run: Json,
  { context: { paint }, isShown }: { context: Context; isShown: boolean },
): string {
  const took = run.duration_ms === null ? '' : ` after ${spanOf(run.duration_ms)}`
  const why = run.error === null ? '' : `: ${run.error.message} (${run.error.code})`
  const output = run.output && !isShown ? `${run.output}\n` : ''
  return `${output}${paint(stateStyle(run.state), run.state)}${took}${why}\n`
}

/** Ctrl-C ends the look at a run, and not the run. */
async function whileFollowed<T>({ io }: Context, id: string, work: () => Promise<T>): Promise<T> {
  const interrupted = () => {
    io.err(`\nThe run goes on. To look at it again: chronos logs ${id} --follow\n`)
    process.exit(exitCodes.interrupted)
  }
  process.once('SIGINT', interrupted)
  try {
    return await work()
  } finally {
    process.off('SIGINT', interrupted)
  }
}

const runId = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** A run by its id, or the newest of a job. */
export async function showLogs(
  context: Context,
  named: string,
  { follow, attempt }: { follow?: boolean; attempt?: number },
) {
  const api = await context.api()
  const id = runId.test(named) ? named : await newestRunOf(api, named)
  if (follow) {
    const show = (text: string) => context.say(context.isForPrograms ? `${JSON.stringify({ text })}\n` : text)
    await whileFollowed(context, id, () => followLog(api, id, { attempt: attempt ?? null, show }))
    return
  }
  const response = await api.raw(`/api/runs/${id}/logs${attempt ? `?attempt=${attempt}` : ''}`)
  const text = await response.text()
  context.show({ run: id, text }, () => text)
}

async function newestRunOf(api: Api, name: string): Promise<string> {
  const job = await jobNamed(api, name)
  const { runs } = await api.call('GET', `/api/runs?job=${job.id}&limit=1`)
  const [newest] = runs as Json[]
  if (newest) return newest.id
  throw new Stop(`${job.name} has not run yet.`, exitCodes.notFound)
}

/** A service that goes down is started again; not longer than this after the last word of it. */
const patienceMs = 60_000
const pauseMs = 1_000

/** Until the run has ended; taken up where it was after each connection that breaks. Whether there was any text. */
async function followLog(
  api: Api,
  id: string,
  { attempt, show }: { attempt: number | null; show: (text: string) => void },
): Promise<boolean> {
  const query = attempt === null ? '' : `&attempt=${attempt}`
  let last: string | undefined
  let hasText = false
  let heardAt: number | null = null
  for (;;) {
    try {
      const headers = last === undefined ? {} : { 'last-event-id': last }
      const response = await api.raw(`/api/runs/${id}/logs?follow=true${query}`, headers)
      for await (const event of eventsOf(response)) {
        heardAt = Date.now()
        if (event.event === 'end') return hasText
        if (event.event !== 'log') continue
        last = event.id ?? last
        hasText = true
        show(textOf(JSON.parse(event.data)))
      }
      const { run } = await api.call('GET', `/api/runs/${id}`)
      if (run.finished_at !== null) return hasText
    } catch (error) {
      const isAway =
        error instanceof Broken || (error instanceof Stop && error.exitCode === exitCodes.unreachable)
      if (!isAway || heardAt === null || Date.now() - heardAt > patienceMs) throw error
    }
    heardAt ??= Date.now()
    await delay(pauseMs)
  }
}

function textOf({ text, base64 = '' }: Json): string {
  return text ?? Buffer.from(base64, 'base64').toString()
}

class Broken extends Stop {}

/** @throws Broken: the connection ended in the middle */
async function* eventsOf({ body }: Response) {
  const events = body?.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())
  try {
    for await (const event of events ?? []) yield event
  } catch (error) {
    throw new Broken(error instanceof Error ? error.message : String(error), exitCodes.unreachable)
  }
}
