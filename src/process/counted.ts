import type { Actions } from '../actions/index.ts'
import type { SendMessage } from '../delivery/send.ts'
import { AppError } from '../ground/errors.ts'
import type { Delays } from '../ground/delays.ts'
import type { Admission } from '../run/admission.ts'
import type { FireCall } from '../run/fire.ts'
import type { Settle } from '../run/settle.ts'
import type { Tally, Tracer } from '../telemetry/index.ts'
import type { TimerAnswer, TimerClient } from '../timers/index.ts'
import { attemptWish, endOf } from './attempt-span.ts'

/** What watches the steps of the stories, from outside of them: it counts, and makes spans if traces are on. */
export type Counting = { tally: Tally; tracer: Tracer; delays: Delays }

/** A process that was started for something else than its first fire had that fire later than this. */
const startedForFireMs = 60_000

/** Counts fires by their answer. The first one tells how long the machine took that was started for it. */
export function countedFires({ fire, ...rest }: FireCall, counting: Counting): FireCall {
  const { tally, delays } = counting
  let isFirst = true

  async function counted(request: Parameters<FireCall['fire']>[0]) {
    const answer = await fire(request)
    tally.count('fires', { answer: answer.status })
    return answer
  }

  return {
    ...rest,
    fire: tracedFire(counted, counting),
    refused(code) {
      const isProved = code !== 'TOKEN_REJECTED' && code !== 'JWKS_UNAVAILABLE'
      tally.count('fires', { answer: code.toLowerCase() }, { isNews: isProved })
    },
    answered(jobId) {
      // since the start of the process, by the clock that delays have too
      const sinceStartMs = delays.now()
      if (isFirst && sinceStartMs < startedForFireMs) tally.observe('coldStart', sinceStartMs / 1000)
      isFirst = false
      rest.answered(jobId)
    },
  }
}

function tracedFire(fire: FireCall['fire'], { tracer }: Counting): FireCall['fire'] {
  if (!tracer.isOn) return fire
  let isCold = true

  function wish(jobId: string) {
    const attributes = { 'faas.trigger': 'timer', 'faas.coldstart': isCold, 'chronos.job.id': jobId }
    const call = { 'http.request.method': 'POST', 'http.route': '/api/cron/fire' }
    isCold = false
    return { name: 'fire', kind: 'server' as const, attributes: { ...attributes, ...call } }
  }

  return (request) =>
    tracer.during(wish(request.jobId), async (note) => {
      try {
        const answer = await fire(request)
        const status = answer.status === 'accepted' ? 202 : 200
        note({ 'http.response.status_code': status, 'chronos.answer': answer.status })
        return answer
      } catch (error) {
        const { code, status } = failureOf(error)
        note({ 'http.response.status_code': status, 'error.type': code })
        throw error
      }
    })
}

function failureOf(error: unknown): { code: string; status: number } {
  return error instanceof AppError
    ? { code: error.code, status: error.statusCode }
    : { code: 'INTERNAL', status: 500 }
}

/** Counts and measures the calls that arm and cancel. */
export function countedTimer(timer: TimerClient, { tally, tracer, delays }: Counting): TimerClient {
  async function counted<T>(done: 'armed' | 'cancelled', call: () => Promise<TimerAnswer<T>>) {
    const startedAt = delays.now()
    const answer = await call()
    tally.observe('arm', (delays.now() - startedAt) / 1000)
    tally.count('arms', { outcome: answer.ok ? done : 'failed' })
    return answer
  }

  function traced<T>(name: string, jobId: string, call: () => Promise<TimerAnswer<T>>) {
    if (!tracer.isOn) return call()
    const attributes = { 'chronos.job.id': jobId, 'chronos.timer': timer.name }
    return tracer.during({ name, kind: 'client', attributes }, async (note) => {
      const answer = await call()
      if (!answer.ok) note({ 'error.type': answer.code }, answer.message)
      return answer
    })
  }

  return {
    ...timer,
    arm: (wanted, signal) =>
      traced('arm', wanted.jobId, () => counted('armed', () => timer.arm(wanted, signal))),
    cancel: (arm, signal) =>
      traced('cancel', arm.jobId, () => counted('cancelled', () => timer.cancel(arm, signal))),
  }
}

export function countedClaims(admission: Admission, { tally, tracer, delays }: Counting): Admission {
  const counted: Admission['claim'] = async (jobId, occasion) => {
    const startedAt = delays.now()
    try {
      return await admission.claim(jobId, occasion)
    } finally {
      tally.observe('claim', (delays.now() - startedAt) / 1000)
    }
  }
  const traced: Admission['claim'] = (jobId, occasion) =>
    tracer.during(
      { name: 'claim', kind: 'internal', attributes: { 'chronos.job.id': jobId } },
      async (note) => {
        const claimed = await counted(jobId, occasion)
        note({ 'chronos.claim': claimed.state })
        return claimed
      },
    )
  return { ...admission, claim: tracer.isOn ? traced : counted }
}

/** Attempts, settles and deliveries are told to the tracer alone: without one they are left as they are. */
export function tracedActions(actions: Actions, { tracer }: Pick<Counting, 'tracer'>): Actions {
  if (!tracer.isOn) return actions
  return {
    run: (job, attempt, signal) =>
      tracer.during(attemptWish(job, attempt), async (note) => {
        const outcome = await actions.run(job, attempt, signal)
        note(...endOf(job, outcome))
        return outcome
      }),
  }
}

export function tracedSettle(settling: Settle, { tracer }: Pick<Counting, 'tracer'>): Settle {
  if (!tracer.isOn) return settling
  return {
    ...settling,
    settle: (run, outcome) =>
      tracer.during(
        {
          name: 'settle',
          kind: 'internal',
          attributes: {
            'chronos.job.id': run.jobId,
            'chronos.run.id': run.runId,
            'chronos.state': outcome.state,
          },
        },
        () => settling.settle(run, outcome),
      ),
  }
}

export function tracedSend(send: SendMessage, { tracer }: Pick<Counting, 'tracer'>): SendMessage {
  if (!tracer.isOn) return send
  return (target, message, signal, project) =>
    tracer.during(
      {
        name: 'delivery',
        kind: 'client',
        attributes: {
          ...{ 'chronos.job.id': message.job.id, 'chronos.delivery.id': message.id },
          ...{ 'chronos.channel': target.channel, 'chronos.receiver': target.type },
        },
      },
      async (note) => {
        const sent = await send(target, message, signal, project)
        if (sent.state !== 'delivered') note({ 'error.type': sent.error.code }, sent.error.code)
        return sent
      },
    )
}
