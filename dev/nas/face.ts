import type { Arm } from '../../relay/core/index.ts'
import { never } from './arms.ts'
import type { Clock, VirtualClock } from './clock.ts'
import { writeInstant } from './instant.ts'
import type { HeldArm, Nas } from './nas.ts'
import { instantOf, type NasCore } from './core.ts'

/** What a test can see of the NAS. */
export function viewOf({ arms, ticker, log, identity }: NasCore) {
  const { instance } = identity
  return {
    armed: (agent = instance) => arms.rowsOf(agent).map(shown),
    held: () => arms.all().map((arm) => ({ ...heldArm(arm, ticker.flies(arm)), listed: arms.isRow(arm) })),
    log: log.entries,
    requests: (call) =>
      log.entries.filter((entry) => entry.kind === 'request').filter((one) => !call || one.call === call),
    fires: (jobId) =>
      log.entries.filter((entry) => entry.kind === 'answer').filter((one) => !jobId || one.job_id === jobId),
  } satisfies Partial<Nas>
}

/** Its time, and waiting for it. */
export function timeOf({ clock, ticker, signal }: NasCore) {
  const idle = async () => {
    // A fire that was held goes on in a microtask: without this turn it would look as if nothing were on its way.
    await new Promise(setImmediate)
    await signal.until(ticker.isIdle)
  }
  const move = async (toMs: number) => virtual(clock).moveTo(toMs, idle)
  return {
    now: () => new Date(clock.now()),
    setTime: (instant) => move(instantOf(instant)),
    advance: (ms) => move(clock.now() + ms),
    jump: (instant) => virtual(clock).jump(instantOf(instant)),
    idle,
  } satisfies Partial<Nas>
}

/** Fires by hand, and the keys that sign them. */
export function firesOf({ arms, ticker, sender, tokens, log, identity }: NasCore) {
  const { instance } = identity
  return {
    async fireNow(jobId, agent = instance) {
      const row = arms.row(agent, jobId)
      if (!row) throw new Error(`nothing is armed for job ${jobId} of agent ${agent}`)
      return ticker.deliver(row)
    },
    lose(jobId, agent = instance) {
      for (const one of arms.ofJob(agent, jobId)) ticker.drop(one)
      log.add({ kind: 'event', event: 'lost', job_id: jobId, detail: 'what was armed for the job' })
    },
    sendFire: async ({ url, body, token }) =>
      sender.sendAny(url, body, token ?? (await tokens.sign(instance))),
    signFireToken: (overrides) => tokens.sign(instance, overrides),
    async rotateKeys(rotation) {
      await tokens.rotate(rotation)
      log.add({ kind: 'event', event: 'rotated', job_id: null, detail: 'the signing keys' })
    },
  } satisfies Partial<Nas>
}

/** Logins and access tokens. */
export function loginsOf({ credentials, log, save, identity }: NasCore) {
  const { instance } = identity
  return {
    refreshToken: () => credentials.newest(instance) ?? '',
    async logIn(agent = instance) {
      const token = await credentials.open(agent)
      log.add({ kind: 'event', event: 'logged_in', job_id: null, detail: agent })
      return token
    },
    async revokeLogin(agent = instance) {
      await credentials.revoke(agent)
      log.add({ kind: 'event', event: 'revoked', job_id: null, detail: `the login of ${agent}` })
    },
    async issueAccessToken({ agent = instance } = {}) {
      const token = await credentials.issue(agent)
      save()
      return token
    },
  } satisfies Partial<Nas>
}

/** Misbehaving and behaving; `enforce` makes a change count that is not looked up with each call. */
export function mannersOf({ misbehave, log }: NasCore, enforce: (name: string) => Promise<void>) {
  let inForce = Promise.resolve()
  misbehave.onChange((name) => {
    inForce = enforce(name)
  })
  return {
    async misbehave(name, value, limits) {
      const set = misbehave.set(name, value, limits)
      const detail = `${name} ${set.value}`.trim()
      log.add({ kind: 'event', event: 'misbehaves', job_id: limits?.jobId ?? null, detail })
      await inForce
    },
    misbehaving: misbehave.all,
    async behave(name) {
      misbehave.reset(name)
      log.add({ kind: 'event', event: 'behaves', job_id: null, detail: name ?? 'in everything' })
      await inForce
    },
  } satisfies Partial<Nas>
}

function virtual(clock: Clock | VirtualClock): VirtualClock {
  if ('moveTo' in clock) return clock
  throw new Error('this NAS runs on the wall clock, which cannot be moved')
}

function shown({ jobId, fireAt, scheduleId }: Arm) {
  return { job_id: jobId, fire_at: fireAt, schedule_id: scheduleId }
}

function heldArm(arm: Arm, isFlying: boolean): Omit<HeldArm, 'listed'> {
  const isDelivered = arm.dueMs === never
  return {
    ...shown(arm),
    agent: arm.agentId,
    state: isFlying ? 'relaying' : isDelivered ? 'delivered' : 'waiting',
    tries: arm.tries,
    due_at: writeInstant(isDelivered ? arm.fireAtMs : arm.dueMs),
  }
}
