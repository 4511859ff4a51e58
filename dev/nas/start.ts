import { setTimeout as sleep } from 'node:timers/promises'
import { type Arm, createArms } from './arms.ts'
import { type Clock, createVirtualClock, createWallClock, type VirtualClock } from './clock.ts'
import { createControl, isControl } from './control.ts'
import { listen } from './http.ts'
import { readInstant, writeInstant } from './instant.ts'
import { createKeys } from './keys.ts'
import { createLog } from './log.ts'
import { createLogins } from './login.ts'
import { createMisbehave, splitMisbehaviour } from './misbehave.ts'
import type { HeldArm, Nas, NasOptions } from './nas.ts'
import { createPortal } from './portal.ts'
import { createRelay } from './relay.ts'
import { createRoutes } from './routes.ts'
import { createSignal } from './signal.ts'
import { loadState, saveState } from './state.ts'

// Seconds, then minutes, then hours, and a limit: the contract's words. The numbers are ours.
const usualRetryGapsMs = [2, 5, 15, 60, 300, 900, 3_600, 10_800, 21_600].map((seconds) => seconds * 1_000)

/**
 * Starts a local NAS. It listens when this resolves, and goes on with what its state file holds.
 *
 * Rejects with the system's error (`EADDRINUSE`) where a port cannot be had, and with `MisbehaviourUnknown`.
 */
export async function startNas(options: NasOptions = {}): Promise<Nas> {
  const {
    host = '127.0.0.1',
    port = 0,
    instance = 'local',
    clientId = 'chronos-local',
    algs = ['ES256'],
  } = options
  const given = (options.misbehave ?? []).map(splitMisbehaviour)
  const saved = options.state === undefined ? null : loadState(options.state)
  const clock = clockFor(options.time ?? 'virtual')
  const arms = createArms(saved?.arms)
  const keys = await createKeys(algs, saved?.keys)
  const logins = createLogins({ clientId, now: clock.now, saved: saved?.logins })
  const accessToken = logins.issue(instance, null, options.accessToken ?? saved?.accessToken)
  if (options.refreshToken !== undefined || !logins.refreshToken(instance))
    logins.open(instance, options.refreshToken)

  const halted = new AbortController()
  const save = () => {
    if (options.state === undefined || halted.signal.aborted) return
    const all = { keys: keys.save(), logins: logins.save(), arms: arms.save() }
    saveState(options.state, { version: 1, ...all, accessToken })
  }
  const signal = createSignal(save)
  const log = createLog({ now: clock.now, changed: signal.changed, print: options.print })
  let inForce = Promise.resolve()
  const misbehave = createMisbehave((name) => {
    inForce = enforce(name)
  })
  const relay = createRelay({
    ...{ arms, clock, keys, misbehave, log, signal, halted: halted.signal },
    options: {
      issuer: () => issuer,
      retryGapsMs: (options.retryGapsMs ?? usualRetryGapsMs).map(
        (gapMs) => gapMs * (options.retryScale ?? 1),
      ),
      timeoutMs: options.fireTimeoutMs ?? 30_000,
      tokenNow: () => (options.tokenNow ?? Date.now)(clock.now()),
    },
  })
  const portal = createPortal({ arms, clock, relay, misbehave, log, signal })
  const wait = (ms: number) => sleep(ms, undefined, { signal: halted.signal })
  const firewall = options.firewall ?? true
  const routes = createRoutes({ arms, portal, logins, keys, misbehave, log, save, firewall, wait })

  const control = createControl(() => nas)
  const listener = await listen({
    ...{ host, port },
    handle: (request, response) =>
      isControl(request) ? control(request, response) : routes(request, response),
  })
  const controlListener =
    options.controlPort === undefined
      ? null
      : await listen({ host: '127.0.0.1', port: options.controlPort, handle: control }).catch(
          async (error) => {
            listener.close()
            throw error
          },
        )
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${listener.address().port}`
  const issuer = (options.portalUrl ?? url).replace(/\/+$/, '')

  async function enforce(name: string): Promise<void> {
    if (name === 'list_stale') portal.freezeLists()
    if (['hold_fires', 'fire_early', 'fire_late', 'skew'].includes(name)) relay.scheduleAll()
    if (name !== 'down') return
    const down = misbehave.look('down', { call: 'list' })
    if (down && down.amount > 0) clock.at(clock.now() + down.amount, () => misbehave.reset('down'))
    if (down?.word === 'refuse') listener.shut()
    else await listener.open()
  }

  const move = async (instantMs: number) => virtual(clock).moveTo(instantMs, idle)
  const idle = async () => {
    await new Promise(setImmediate)
    await signal.until(relay.isIdle)
  }

  const nas: Nas = {
    ...{ url, issuer, instance, clientId, accessToken },
    controlUrl: controlListener && `http://127.0.0.1:${controlListener.address().port}`,
    audience: `agent:${instance}`,
    jwksUrl: `${issuer}/.well-known/jwks.json`,
    tokenUrl: `${issuer}/oauth/token`,
    refreshToken: () => logins.refreshToken(instance) ?? '',
    environment: ({ refresh = false } = {}) => ({
      NAS_PORTAL_URL: issuer,
      NAS_AUDIENCE: nas.audience,
      ...(refresh
        ? { NAS_TOKEN_URL: nas.tokenUrl, NAS_CLIENT_ID: clientId, NAS_REFRESH_TOKEN: nas.refreshToken() }
        : { NAS_ACCESS_TOKEN: accessToken }),
    }),

    armed: (agent = instance) => portal.list(agent),
    held: () => arms.all().map(heldArm),
    log: log.entries,
    requests: (call) =>
      log.entries.filter((entry) => entry.kind === 'request').filter((one) => !call || one.call === call),
    fires: (jobId) =>
      log.entries.filter((entry) => entry.kind === 'answer').filter((one) => !jobId || one.job_id === jobId),

    now: () => new Date(clock.now()),
    setTime: (instant) => move(instantOf(instant)),
    advance: (ms) => move(clock.now() + ms),
    jump: (instant) => virtual(clock).jump(instantOf(instant)),

    async fireNow(jobId, agent = instance) {
      const row = arms.row(agent, jobId)
      if (!row) throw new Error(`nothing is armed for job ${jobId} of agent ${agent}`)
      return relay.deliver(row)
    },
    sendFire: async ({ url: to, body, token }) =>
      relay.send({ url: to, body, token: token ?? (await relay.sign(instance)) }),
    signFireToken: (overrides) => relay.sign(instance, overrides),
    async rotateKeys(rotation) {
      await keys.rotate(rotation)
      log.add({ kind: 'event', event: 'rotated', job_id: null, detail: 'the signing keys' })
    },

    logIn(agent = instance) {
      const token = logins.open(agent)
      log.add({ kind: 'event', event: 'logged_in', job_id: null, detail: agent })
      return token
    },
    revokeLogin(agent = instance) {
      logins.revoke(agent)
      log.add({ kind: 'event', event: 'revoked', job_id: null, detail: `every login of ${agent}` })
    },
    issueAccessToken({ agent = instance, lifetimeS } = {}) {
      const token = logins.issue(agent, lifetimeS ?? null)
      save()
      return token
    },

    async misbehave(name, value, limits) {
      const set = misbehave.set(name, value, limits)
      log.add({
        kind: 'event',
        event: 'misbehaves',
        job_id: limits?.jobId ?? null,
        detail: `${name} ${set.value}`.trim(),
      })
      await inForce
    },
    misbehaving: misbehave.all,
    async behave(name) {
      misbehave.reset(name)
      log.add({ kind: 'event', event: 'behaves', job_id: null, detail: name ?? 'in everything' })
      await inForce
    },

    idle,
    waitFor: (look, timeoutMs = 5_000) => signal.until(() => look(nas), timeoutMs, String(look)),
    async close() {
      halted.abort()
      clock.stop()
      listener.close()
      controlListener?.close()
    },
  }

  for (const { name, value } of given) await nas.misbehave(name, value)
  relay.scheduleAll()
  save()
  return nas
}

function clockFor(time: NonNullable<NasOptions['time']>): Clock | VirtualClock {
  if (time === 'wall') return createWallClock()
  return createVirtualClock(time === 'virtual' ? Date.now() : instantOf(time))
}

function virtual(clock: Clock | VirtualClock): VirtualClock {
  if (!('moveTo' in clock)) throw new Error('this NAS runs on the wall clock; expected a virtual one to move')
  return clock
}

function instantOf(instant: string | Date): number {
  const ms = instant instanceof Date ? instant.getTime() : readInstant(instant)
  if (ms === null || Number.isNaN(ms))
    throw new Error(`the time is ${String(instant)}, expected an ISO 8601 instant with an offset`)
  return ms
}

function heldArm(arm: Arm): HeldArm {
  return {
    agent: arm.agent,
    job_id: arm.jobId,
    fire_at: arm.fireAt,
    schedule_id: arm.scheduleId,
    state: arm.state,
    tries: arm.tries,
    due_at: writeInstant(arm.dueMs ?? arm.fireAtMs),
    listed: arm.isListed,
  }
}
