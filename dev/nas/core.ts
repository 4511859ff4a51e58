import { setTimeout as sleep } from 'node:timers/promises'
import { createArms } from './arms.ts'
import { type Clock, createVirtualClock, createWallClock, type VirtualClock } from './clock.ts'
import { createSender } from './fire.ts'
import { readInstant } from './instant.ts'
import { createKeys } from './keys.ts'
import { createLog } from './log.ts'
import { createLogins } from './login.ts'
import { createMisbehave } from './misbehave.ts'
import type { NasOptions } from './nas.ts'
import { createPortal } from './portal.ts'
import { createRelay } from './relay.ts'
import { createSignal } from './signal.ts'
import { loadState, saveState } from './state.ts'

// Seconds, then minutes, then hours, and a limit: the contract's words. The numbers are ours.
const usualRetryGapsMs = [2, 5, 15, 60, 300, 900, 3_600, 10_800, 21_600].map((seconds) => seconds * 1_000)

export type NasCore = Awaited<ReturnType<typeof createNasCore>>

/** Everything of a NAS but its ports, wired by hand. `issuer` is asked for when a token is signed. */
export async function createNasCore(options: NasOptions, issuer: () => string) {
  const { instance = 'local', clientId = 'chronos-local', algs = ['ES256'], state } = options
  const saved = state === undefined ? null : loadState(state)
  const clock = clockFor(options.time ?? 'virtual')
  const arms = createArms(saved?.arms)
  const keys = await createKeys(algs, saved?.keys)
  const logins = createLogins({ clientId, now: clock.now, saved: saved?.logins })
  const accessToken = logins.issue(instance, null, options.accessToken ?? saved?.accessToken)
  if (options.refreshToken !== undefined || !logins.refreshToken(instance)) {
    logins.open(instance, options.refreshToken)
  }

  const halting = new AbortController()
  const halted = halting.signal
  const save = () => {
    if (state === undefined || halted.aborted) return
    const all = { keys: keys.save(), logins: logins.save(), arms: arms.save() }
    saveState(state, { version: 1, ...all, accessToken })
  }
  const signal = createSignal(save)
  const log = createLog({ now: clock.now, changed: signal.changed, print: options.print })
  const misbehave = createMisbehave()
  const timeoutMs = options.fireTimeoutMs ?? 30_000
  const tokenNow = () => (options.tokenNow ?? Date.now)(clock.now())
  const sender = createSender({ keys, misbehave, log, halted, options: { issuer, timeoutMs, tokenNow } })
  const retryGapsMs = (options.retryGapsMs ?? usualRetryGapsMs).map((ms) => ms * (options.retryScale ?? 1))
  const relay = createRelay({ arms, clock, sender, misbehave, log, signal, halted, retryGapsMs })
  const portal = createPortal({ arms, clock, relay, misbehave, log, signal })
  const wait = (ms: number) => sleep(ms, undefined, { signal: halted })
  const identity = { instance, clientId, accessToken }
  const halt = () => halting.abort()
  return {
    identity,
    clock,
    arms,
    keys,
    logins,
    log,
    misbehave,
    sender,
    relay,
    portal,
    signal,
    save,
    wait,
    halt,
  }
}

/** Epoch milliseconds of an instant that a program gave. */
export function instantOf(instant: string | Date): number {
  const ms = instant instanceof Date ? instant.getTime() : readInstant(instant)
  if (ms !== null && !Number.isNaN(ms)) return ms
  throw new Error(`the time is ${String(instant)}, expected an ISO 8601 instant with an offset`)
}

function clockFor(time: string | Date): Clock | VirtualClock {
  if (time === 'wall') return createWallClock()
  return createVirtualClock(time === 'virtual' ? Date.now() : instantOf(time))
}
