import { setTimeout as delay } from 'node:timers/promises'
import { type Call, createCall, type Fields, Unreachable } from './call.ts'
import { checkSleep } from './sleep.ts'

export type CheckOptions = {
  /** Base URL of the service. */
  url: string
  apiKey: string
  /** What the job calls; it has to answer 2xx. */
  targetUrl: string
  dueInS: number
  /** The service is its own timer, and is meant to stay up. */
  isAlwaysOn: boolean
  /** For a run that has not ended when it should have: a cold machine on a busy host may need longer. */
  patienceMs: number
  /** The longest wait for the machine to go down. */
  sleepWithinMs: number
  say: (line: string) => void
}

/** Something is wrong: what, and what to do about it. Nothing that comes after it can be tried. */
class Wrong extends Error {
  override readonly name = 'Wrong'
}

const lookEveryMs = 3_000
/** From a fire to a run that has ended. */
const settleMs = 4_000

/**
 * Tries a deployed service from outside, as its clients and its timer see it: is it there, does it take the key, is a
 * job fired when it is due, does it run and is it armed again, does the machine sleep again. What it makes it removes.
 * Resolves to whether all is well.
 */
export async function checkDeployment(options: CheckOptions): Promise<boolean> {
  const { url, apiKey, say } = options
  const call = createCall(url, apiKey)
  let isWell = true
  const good = (text: string) => say(`✔ ${text}`)
  const bad = (text: string) => {
    isWell = false
    say(`✖ ${text}`)
  }
  try {
    good(await answers(call))
    good(await isReady(call))
    const status = await takesKey(call)
    good('it takes the API key')
    const timer = timerOf(status, options)
    if (timer.isWrong) bad(timer.text)
    else good(timer.text)
    const removedAt = await tryJob(call, options, { good, bad })
    if (timer.isWrong || options.isAlwaysOn) return isWell
    const { isAsleep, text } = await checkSleep(call, removedAt, options.sleepWithinMs)
    if (isAsleep) good(text)
    else bad(text)
  } catch (error) {
    if (!(error instanceof Wrong) && !(error instanceof Unreachable)) throw error
    bad(error.message)
  }
  return isWell
}

async function answers(call: Call): Promise<string> {
  const startedAt = performance.now()
  const { status, body } = await call('GET', '/healthz')
  if (status === 200 && body.status === 'ok')
    return `it answers, after ${Math.round(performance.now() - startedAt)} ms`
  if (status >= 500)
    throw new Wrong(
      `it answers ${status}: what stands in front is there, and the service is not. Look at its log: a configuration that is not valid ends it with exit status 78 and says why.`,
    )
  throw new Wrong(`/healthz is answered ${status}, not as Chronos does it. Check the URL.`)
}

async function isReady(call: Call): Promise<string> {
  const { status, body } = await call('GET', '/readyz')
  if (status === 200) return 'it reaches its database, which is up to date'
  const problem =
    body.database === false
      ? 'its database does not answer'
      : (body.problem ?? `/readyz is answered ${status}`)
  throw new Wrong(`it is not ready: ${problem}. Check DATABASE_URL, and that the migration has run.`)
}

async function takesKey(call: Call): Promise<Fields> {
  const { status, body } = await call('GET', '/api/status')
  if (status === 200) return body
  if (status === 401)
    throw new Wrong(
      'it does not take the API key. API_KEY here has to be that of the service, or a key made by POST /api/keys.',
    )
  if (status === 403) throw new Wrong(`the API key is not allowed to do this: ${detailOf(body)}`)
  throw new Wrong(`/api/status is answered ${status}: ${detailOf(body)}`)
}

type Judged = { isWrong: boolean; text: string }

/** Which timer wakes the service, and whether it is the one that was meant. */
function timerOf({ scheduler, nas }: Fields, { isAlwaysOn }: CheckOptions): Judged {
  const { name, configured } = scheduler ?? { name: 'builtin', configured: '' }
  const refused = nas?.refused
  if (name !== 'builtin') return { isWrong: false, text: `an outside timer wakes it (${name})` }
  const asked = configured === '' ? 'builtin' : configured
  if (refused)
    return {
      isWrong: true,
      text: `the timer refuses this service: ${refused.code}: ${refused.message}. Give it a new token or login; until then the service is its own timer and cannot sleep.`,
    }
  if (asked !== 'builtin')
    return {
      isWrong: true,
      text: `CRON_PROVIDER is ${asked}, and its configuration is not complete. The log of the service names each variable that is missing; until then the service is its own timer and cannot sleep.`,
    }
  return isAlwaysOn
    ? { isWrong: false, text: 'it is its own timer, as it is meant to be' }
    : {
        isWrong: true,
        text: 'no outside timer is set up: the service is its own timer and cannot sleep. Set CRON_PROVIDER and its variables (docs/timers.md). If it is meant to stay up, run this with --always-on.',
      }
}

type Say = { good: (text: string) => void; bad: (text: string) => void }

/** Makes a job, lets it come due, looks at what became of it, removes it. When it was removed, by the service's clock. */
async function tryJob(call: Call, options: CheckOptions, say: Say): Promise<Date> {
  const job = await makeJob(call, options, say)
  const remove = async () => {
    const { status, at } = await call('DELETE', `/api/jobs/${job.id}`)
    if (status !== 200)
      throw new Wrong(`the job ${job.id} of this check could not be removed (${status}). Remove it by hand.`)
    return at
  }
  const interrupted = () => void remove().finally(() => process.exit(130))
  process.once('SIGINT', interrupted)
  try {
    // no call in between: a machine that sleeps is to be woken by its timer, not by us
    await delay(options.dueInS * 1000 + settleMs)
    await judgeRun(call, job.id, options, say)
    await judgeArm(call, job.id, options, say)
  } catch (error) {
    await remove().catch(() => say.bad(`the job ${job.id} of this check is still there. Remove it by hand.`))
    throw error
  } finally {
    process.off('SIGINT', interrupted)
  }
  const at = await remove()
  say.good('the job is removed again')
  return at
}

async function makeJob(call: Call, { dueInS, targetUrl, isAlwaysOn }: CheckOptions, { good }: Say) {
  const { status, body } = await call('POST', '/api/jobs', {
    name: 'npm run deploy:check',
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

async function judgeRun(call: Call, jobId: string, options: CheckOptions, { good }: Say): Promise<void> {
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
async function firstRun(call: Call, jobId: string, { patienceMs }: CheckOptions) {
  let looks = 0
  let isInTime = false
  for (const endsAt = performance.now() + patienceMs; ; await delay(lookEveryMs)) {
    const { body } = await call('GET', `/api/jobs/${jobId}/runs`)
    const run = body.runs?.at(-1)
    if (looks++ === 0) isInTime = run !== undefined
    if (run?.finished_at || performance.now() > endsAt) return run ? { run, isInTime } : null
  }
}

function callHasToReach({ url }: CheckOptions): string {
  return `its call has to reach ${url}/api/cron/fire: check CALLBACK_URL, which has to be this address, and the log of the timer.`
}

async function judgeArm(
  call: Call,
  jobId: string,
  { isAlwaysOn, patienceMs }: CheckOptions,
  { good, bad }: Say,
): Promise<void> {
  const endsAt = performance.now() + patienceMs
  let { body: arm } = await call('GET', `/api/jobs/${jobId}/arm`)
  // the arm that follows a run is made after its end is written, so at the first look it may be under way
  while (!arm.armed && arm.trigger !== 'builtin' && performance.now() < endsAt) {
    await delay(500)
    arm = (await call('GET', `/api/jobs/${jobId}/arm`)).body
  }
  if (arm.armed) good(`it is armed again, for ${arm.wake_at}`)
  else if (arm.trigger === 'builtin' && isAlwaysOn) good(`it is due again at ${arm.wake_at}`)
  else if (arm.trigger !== 'builtin')
    bad(`it is not armed again: ${arm.last_error ?? 'the timer has not confirmed it yet'}.`)
}

function detailOf(body: Fields): string {
  return body.detail ?? body.error ?? 'no reason was given'
}
