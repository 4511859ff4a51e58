import { EventSourceParserStream } from 'eventsource-parser/stream'
import { spanOf } from '../src/ground/span.ts'
import { type Api, type Json, jobNamed } from './api.ts'
import type { Context } from './context.ts'
import { exitCodes, Stop } from './io.ts'
import { harmless, stateStyle, tableOf, whenOf } from './show.ts'
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
  await followLog(context, api, run.id, null)
  const { run: ended } = await api.call('GET', `/api/runs/${run.id}`)
  context.show(ended, () => outcomeOf(ended, context))
  if (ended.state !== 'succeeded') throw new Stop('', exitCodes.failed)
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Stop(`--input is not JSON: ${text.slice(0, 80)}`, exitCodes.usage)
  }
}

function outcomeOf(run: Json, { paint }: Context): string {
  const took = run.duration_ms === null ? '' : ` after ${spanOf(run.duration_ms)}`
  const why = run.error === null ? '' : `: ${run.error.message} (${run.error.code})`
  const output = run.output ? `${run.output}\n` : ''
  return `${output}${paint(stateStyle(run.state), run.state)}${took}${why}\n`
}

export async function showLogs(
  context: Context,
  id: string,
  { follow, attempt }: { follow?: boolean; attempt?: number },
) {
  const api = await context.api()
  if (follow) return followLog(context, api, id, attempt ?? null)
  const response = await api.raw(
    `/api/runs/${encodeURIComponent(id)}/logs${attempt ? `?attempt=${attempt}` : ''}`,
  )
  context.io.out(harmless(await response.text(), context.io))
}

/** Until the run has ended; taken up again after each connection that breaks. */
async function followLog(context: Context, api: Api, id: string, attempt: number | null): Promise<void> {
  for (let isOver = false; !isOver; ) {
    const query = attempt === null ? '' : `&attempt=${attempt}`
    const response = await api.raw(`/api/runs/${encodeURIComponent(id)}/logs?follow=true${query}`)
    const events = response.body
      ?.pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream())
    for await (const { event, data } of events ?? []) {
      const piece: Json = JSON.parse(data)
      const text = piece.text ?? Buffer.from(piece.base64 ?? '', 'base64').toString()
      if (event === 'log') context.io.out(harmless(text, context.io))
      if (event === 'end') isOver = true
    }
    const { run } = await api.call('GET', `/api/runs/${encodeURIComponent(id)}`)
    isOver ||= run.finished_at !== null
  }
}
