import { setTimeout as delay } from 'node:timers/promises'
import { type Call, detailOf, Wrong } from './call.ts'
import { exitCodes } from '../io.ts'
import type { Report } from './report.ts'

export type TryOptions = {
  /** Base URL of the service. */
  url: string
  /** What the job calls; it has to answer 2xx. */
  targetUrl: string
  dueInS: number
  /** The service is its own timer, and is meant to stay up. */
  isAlwaysOn: boolean
  /** For a run that has not ended when it should have: a cold machine on a busy host may need longer. */
  patienceMs: number
  /** The longest wait for the machine to go down. */
  sleepWithinMs: number
}

const lookEveryMs = 3_000
/** From a fire to a run that has ended. */
const settleMs = 4_000

/** Makes a job, lets it come due, looks at what became of it, removes it. When it was removed, by the service's clock. */
export async function tryJob(call: Call, options: TryOptions, report: Report): Promise<Date> {
  const making = makeJob(call, options, report)
  const remove = async () => {
    const { id } = await making
    const { status, at } = await call('DELETE', `/api/jobs/${id}`)
    if (status !== 200)
      throw new Wrong(`the job ${id} of this check could not be removed (${status}). Remove it by hand.`)
    return at
  }
  // also while it is being made: the service may have it before it has answered
  const interrupted = () => void remove().finally(() => process.exit(exitCodes.interrupted))
  process.once('SIGINT', interrupted)
  let jobId: string | null = null
  try {
    jobId = (await making).id
    // no call in between: a machine that sleeps is to be woken by its timer, not by us
    await delay(options.dueInS * 1000 + settleMs)
    await judgeRun(call, jobId, options, report)
    await judgeArm(call, jobId, options, report)
  } catch (error) {
    if (jobId !== null)
      await remove().catch(() =>
        report.bad(`the job ${jobId} of this check is still there. Remove it by hand.`),
      )
    throw error
  } finally {
    process.off('SIGINT', interrupted)
  }
  const at = await remove()
  report.good('the job is removed again')
  return at
}

async function makeJob(call: Call, { dueInS, targetUrl, isAlwaysOn }: TryOptions, { good }: Report) {
  const { status, body } = await call('POST', '/api/jobs', {
    name: 'chronos doctor --try',
    schedule: `every ${dueInS}s`,
    // it ends by itself, should nobody be left to remove it
    repeat: 5,
    action: { type: 'http', url: targetUrl, method: 'GET' },
  })
  const job = body.job ?? { id: '', armed: false }
  if (status === 424) {
    const arm = await call('GET', `/api/jobs/${job.id}/arm`)
    await call('DELETE', `/api/jobs/${job.id}`)
    throw new Wrong(
      `the timer does not confirm wake-ups: ${arm.body.last_error ?? 'no reason is known'}. Check the address and the token of the timer.`,
    )
  }
  if (status !== 201)
    throw new Wrong(
      `a job could not be made (${status}): ${detailOf(body)}. If the target is private, it has to be in TARGET_ALLOW; --target names another one.`,
    )
  if (job.armed) good(`a job is made, due in ${dueInS} s, and the timer has confirmed its wake-up`)
  else
    good(
      `a job is made, due in ${dueInS} s${isAlwaysOn ? '' : '; nothing outside will wake the service for it'}`,
    )
  return job
}

async function judgeRun(call: Call, jobId: string, options: TryOptions, { good }: Report): Promise<void> {
  const found = await firstRun(call, jobId, options)
  if (!found) {
    const { body: arm } = await call('GET', `/api/jobs/${jobId}/arm`)
    throw new Wrong(
      `the job was due, and no fire came. The timer had confirmed a wake-up for ${arm.armed_at ?? 'no instant'}, and ${callHasToReach(options)} A line "a fire was refused" in the log of the service means that it arrived, with a token for another service.`,
    )
  }
  const { trigger, state, lateness_ms: lateMs, error } = found.run
  if (!found.isInTime && trigger !== 'builtin')
    throw new Wrong(
      `the job ran only after this check had woken the service, ${lateMs} ms after its time: the call of the timer did not arrive, or came late. For the timer, ${callHasToReach(options)}`,
    )
  if (state !== 'succeeded')
    throw new Wrong(
      `the job was fired, and its run ended as ${state}: ${error ? `${error.code}: ${error.message}` : 'no reason is known'}. It calls ${options.targetUrl}; --target names another address.`,
    )
  const how = trigger === 'builtin' ? 'came due' : 'was fired'
  good(`the job ${how} and ran, ${lateMs} ms after its time`)
}

/** `isInTime`: it was there at the first look, so that something else than this look has woken the service for it. */
async function firstRun(call: Call, jobId: string, { patienceMs }: TryOptions) {
  let looks = 0
  let isInTime = false
  for (const endsAt = performance.now() + patienceMs; ; await delay(lookEveryMs)) {
    const { body } = await call('GET', `/api/jobs/${jobId}/runs`)
    const run = body.runs?.at(-1)
    if (looks++ === 0) isInTime = run !== undefined
    if (run?.finished_at || performance.now() > endsAt) return run ? { run, isInTime } : null
  }
}

function callHasToReach({ url }: TryOptions): string {
  return `its call has to reach ${url}/api/cron/fire: check CALLBACK_URL, which has to be this address, and the log of the timer.`
}

async function judgeArm(
  call: Call,
  jobId: string,
  { isAlwaysOn, patienceMs }: TryOptions,
  { good, bad }: Report,
): Promise<void> {
  const arm = await armAtRest(call, jobId, patienceMs)
  if (arm.armed) good(`it is armed again, for ${arm.wake_at}`)
  else if (arm.trigger === 'builtin' && isAlwaysOn) good(`it is due again at ${arm.wake_at}`)
  else if (arm.trigger !== 'builtin')
    bad(`it is not armed again: ${arm.last_error ?? 'the timer has not confirmed it yet'}.`)
}

/** The arm that follows a run is made after its end is written, so at the first look it may be under way. */
async function armAtRest(call: Call, jobId: string, patienceMs: number) {
  for (const endsAt = performance.now() + patienceMs; ; await delay(500)) {
    const { body } = await call('GET', `/api/jobs/${jobId}/arm`)
    if (body.armed || body.trigger === 'builtin' || performance.now() > endsAt) return body
  }
}
