import { createHash } from 'node:crypto'
import { close, type Draft, openDraft, type Outcome, writeDelivery } from './draft.ts'
import { channelsInTexts, everyChannel, type On, type Spec, specsOf } from './specs.ts'
import type {
  Decision,
  DeliveryEvent,
  DeliveryTarget,
  DeliveryWrite,
  LiveRun,
  PendingDelivery,
  View,
} from './types.ts'

/** How one try to deliver ended. `error.message` names the receiver by its origin only, as paths of such URLs are secrets. */
export type Sent =
  | { state: 'delivered' }
  /** The receiver's own wish, if any; at most 24 h. */
  | { state: 'retry'; error: { code: string; message: string }; retryAfterMs?: number }
  /** `disabled`: the receiver is gone permanently, and nothing may be sent there any more. */
  | { state: 'failed' | 'disabled'; error: { code: string; message: string } }

/** Waits between the tries, in milliseconds: about a day and a half in all, most of it with no process alive. */
const waitsMs = [10_000, 60_000, 300_000, 1_800_000, 7_200_000, 21_600_000, 43_200_000, 43_200_000]

/** The event of a delivery; `null`: nothing is sent. */
type News = { event: DeliveryEvent; isFirstFailure: boolean; output: string | null; isChanged: boolean }

/**
 * The deliveries that the end of a run calls for, each held by the deciding process. Failures are told once per
 * incident and its end as well; a successful output that says so is kept silent. Pings tell every outcome.
 *
 * To be called before the outcome is counted: `failureStreak` is that of the runs before.
 */
export function addDeliveries(draft: Draft, run: LiveRun, outcome: Outcome) {
  const news = newsOf(draft, outcome)
  if (!news) return
  const told = targetsOf(draft.view).filter((target) => isDue(target, news))
  for (const [index, { target }] of told.entries()) {
    const fresh = { id: deliveryId(run, index), runId: run.id, target, event: news.event, attempt: 0 }
    take(draft, { ...fresh, dueAt: null, owner: null, leaseUntil: null }, null)
  }
}

/** The health checks that are told when an attempt begins: those that hear of its success. */
export function startPings(view: View): DeliveryTarget[] {
  return targetsOf(view).flatMap(({ target, on, kind }) =>
    kind === 'ping' && (on.includes('success') || on.includes('always')) ? [target] : [],
  )
}

function newsOf({ view, runtime }: Draft, outcome: Outcome): News | null {
  const { state, skippedReason } = outcome
  const output = outcome.output ?? null
  if (state === 'cancelled' || state === 'waiting' || skippedReason !== undefined) return null
  if (state !== 'succeeded') {
    return { event: 'failure', isFirstFailure: runtime.failureStreak === 0, output, isChanged: false }
  }
  const event = runtime.failureStreak > 0 ? 'recovery' : 'success'
  const hash = createHash('sha256')
    .update(output ?? '')
    .digest('base64url')
  const isChanged = hash !== view.runtime.outputHash
  if (targetsOf(view).some(({ on }) => on.includes('changed'))) runtime.outputHash = hash
  return { event, isFirstFailure: false, output, isChanged }
}

type Wish = { target: DeliveryTarget; on: readonly string[]; kind: 'message' | 'ping' | 'job' }

/** The receivers of the job: those its author names, or (if there are none) the default channels; and the jobs that follow it. */
function targetsOf({ job, channels, dependents }: View): Wish[] {
  return [
    ...receiversOf(job.deliver, channels),
    ...dependents.map(({ id, on }): Wish => ({ target: { job: id }, on, kind: 'job' })),
  ]
}

type KnownChannel = View['channels'][number]

/** `channels`: all there are, unless the job says nothing. A name in a text that no channel has is skipped until one has it. */
function receiversOf(deliver: unknown, channels: KnownChannel[]): Wish[] {
  const known = new Map(channels.map((channel) => [channel.name, channel]))
  const unknown = new Set(channelsInTexts(deliver).filter((name) => !known.has(name)))
  const own = deliver === null ? defaultsOf(channels) : specsOf(deliver).flatMap(named)
  return own.map(({ on, ...target }): Wish => {
    const { type, channel }: DeliveryTarget = target
    const isPing = type === 'healthcheck' || known.get(channel ?? '')?.type === 'healthcheck'
    return { target, on, kind: isPing ? 'ping' : 'message' }
  })

  function named(spec: Spec): Spec[] {
    if (spec.channel === everyChannel) return channels.map(asDefault)
    return unknown.has(spec.channel ?? '') ? [] : [spec]
  }
}

/** True if no message and no health check would follow a failure. `channels`: all there are, and in use. */
export function tellsNobody(deliver: unknown, channels: KnownChannel[]): boolean {
  const told = receiversOf(deliver, channels)
  return !told.some(({ on }) => on.includes('failure') || on.includes('always'))
}

function defaultsOf(channels: KnownChannel[]) {
  return channels.filter(({ defaultOn }) => defaultOn).map(asDefault)
}

function asDefault({ name, defaultOn }: KnownChannel): Spec {
  return { channel: name, on: (defaultOn ?? ['always']) as On[] }
}

function isDue({ on, kind }: Wish, { event, isFirstFailure, output, isChanged }: News): boolean {
  const wants = (...words: string[]) => words.some((word) => on.includes(word))
  if (event === 'failure') return wants('failure', 'always') && (kind !== 'message' || isFirstFailure)
  if (event === 'recovery' && wants('recovery', 'always')) return true
  if (kind === 'message' && output !== null && isSilent(output)) return false
  return wants('success', 'always') || (wants('changed') && isChanged)
}

const silentWords = ['[SILENT]', 'NO_REPLY']

/**
 * Whether a successful output asks for silence: its first or last line is `[SILENT]` or `NO_REPLY`, in upper case.
 * Blanks and empty lines around them do not count.
 */
function isSilent(output: string): boolean {
  const text = output.trim()
  const first = /^[^\r\n]*/.exec(text)?.[0] ?? ''
  const last = /(?<![^\r\n])[^\r\n]*$/.exec(text)?.[0] ?? ''
  return silentWords.includes(first.trim()) || silentWords.includes(last.trim())
}

/**
 * The same for the same end of a run, no matter where and how often it is decided, so that a job that it starts is started
 * once: a version 8 UUID (RFC 9562, section 5.8) of the run, its fence and the place in the list.
 */
function deliveryId(run: LiveRun, index: number): string {
  const hex = createHash('sha256').update(`${run.id}:${run.fence}:${index}`).digest('hex')
  const variant = '89ab'[Number.parseInt(hex.charAt(16), 16) % 4]
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-')
}

/** Takes every delivery that is due, or whose holder did not store the outcome of its try. It is unknown whether that one arrived. */
export function takeDeliveries(draft: Draft) {
  const { now } = draft.view
  for (const delivery of draft.view.deliveries) {
    const dueAt = delivery.leaseUntil ?? delivery.dueAt
    if (!dueAt || dueAt > now) continue
    if (delivery.leaseUntil && delivery.attempt > waitsMs.length) {
      const message = `the process that held try ${delivery.attempt} did not store its outcome; there was no further try`
      end(draft, delivery, 'failed', { code: 'LEASE_LAPSED', message })
      continue
    }
    take(draft, delivery, delivery.attempt)
  }
}

/** The next try of a delivery, held by the deciding process. */
function take(draft: Draft, delivery: PendingDelivery, seenAttempt: number | null) {
  const held = { attempt: delivery.attempt + 1, dueAt: null, owner: null, leaseUntil: null }
  writeDelivery(draft, { ...delivery, ...held, seenAttempt, state: 'pending', leased: true, error: null })
}

/** How a try went, shown by its delivery and attempt. Null: that try does not hold the delivery any more. */
export function settleDelivery(
  view: View,
  done: { id: string; attempt: number; result: Sent },
): Decision | null {
  const found = view.deliveries.find(
    ({ id, attempt, leaseUntil }) => id === done.id && attempt === done.attempt && leaseUntil,
  )
  if (!found) return null
  const draft = openDraft(view)
  const { result } = done
  if (result.state === 'delivered') end(draft, found, 'delivered', null)
  else if (result.state === 'retry') tryLater(draft, found, result)
  else end(draft, found, 'failed', result.error)
  return close(draft)
}

/** Gives a delivery back whose try did not begin here: it is due at once, and the try does not count. */
export function releaseDelivery(view: View, held: { id: string; attempt: number }): Decision | null {
  const found = view.deliveries.find(
    ({ id, attempt, leaseUntil }) => id === held.id && attempt === held.attempt && leaseUntil,
  )
  if (!found) return null
  const draft = openDraft(view)
  park(draft, { ...found, attempt: found.attempt - 1 }, view.now, { seenAttempt: found.attempt, error: null })
  return close(draft)
}

/** A failed delivery, again and at once, under the same id. */
export function deliverAgain(view: View, failed: PendingDelivery): Decision | null {
  const draft = openDraft(view)
  take(draft, failed, failed.attempt)
  return close(draft)
}

function tryLater(draft: Draft, delivery: PendingDelivery, result: Sent & { state: 'retry' }) {
  const waitMs = waitsMs[delivery.attempt - 1]
  if (waitMs === undefined) return end(draft, delivery, 'failed', result.error)
  const dueAt = draft.view.now.getTime() + Math.max(waitMs, result.retryAfterMs ?? 0)
  park(draft, delivery, new Date(dueAt), { seenAttempt: delivery.attempt, error: result.error })
}

function park(
  draft: Draft,
  delivery: PendingDelivery,
  dueAt: Date,
  { seenAttempt, error }: Pick<DeliveryWrite, 'seenAttempt' | 'error'>,
) {
  const free = { dueAt, owner: null, leaseUntil: null }
  writeDelivery(draft, { ...delivery, ...free, seenAttempt, state: 'pending', leased: false, error })
}

function end(
  draft: Draft,
  delivery: PendingDelivery,
  state: 'delivered' | 'failed',
  error: { code: string; message: string } | null,
) {
  const free = { dueAt: null, owner: null, leaseUntil: null }
  const { attempt: seenAttempt } = delivery
  writeDelivery(draft, { ...delivery, ...free, seenAttempt, state, leased: false, error })
}
