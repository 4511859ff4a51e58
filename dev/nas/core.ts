import { setTimeout as sleep } from 'node:timers/promises'
import {
  createRelay,
  hashOf,
  newSecret,
  usualFireTimeoutMs,
  usualRetryGapsMs,
} from '../../relay/core/index.ts'
import { createArms } from './arms.ts'
import { type Clock, createVirtualClock, createWallClock, type VirtualClock } from './clock.ts'
import { createCredentials } from './credentials.ts'
import { readInstant } from './instant.ts'
import { createLog } from './log.ts'
import { createMisbehave } from './misbehave.ts'
import type { NasOptions } from './nas.ts'
import { createFireSender } from './sender.ts'
import { createSignal } from './signal.ts'
import { loadState, saveState } from './state.ts'
import { withManners } from './store-manners.ts'
import { createStore } from './store.ts'
import { createTicker } from './ticker.ts'
import { createTokens } from './tokens.ts'
import { unlimited } from './unlimited.ts'

export type NasCore = Awaited<ReturnType<typeof createNasCore>>

/**
 * Everything of a NAS but its ports, wired by hand: the relay with a host of its own (a store in memory, a clock that
 * can be moved, a sender), and the layers that let it misbehave between them.
 */
export async function createNasCore(options: NasOptions, issuer: string) {
  const { instance = 'local', clientId = 'chronos-local', algs = ['ES256'], state } = options
  const saved = state === undefined ? null : loadState(state)
  const clock = clockFor(options.time ?? 'virtual')
  const misbehave = createMisbehave()
  const skewMs = () => misbehave.look('skew')?.amount ?? 0
  const now = () => clock.now() + skewMs()
  const tokenNow = () => (options.tokenNow ?? Date.now)(clock.now())
  const halting = new AbortController()
  const halted = halting.signal

  const arms = createArms(saved?.arms)
  const store = createStore({ arms, saved: saved?.store, armed: (arm) => ticker.schedule(arm) })
  const tokens = await createTokens({ store, issuer, algs, saved: saved?.otherKeys, tokenNow, skewMs })
  const credentials = createCredentials({ store, issuer, clientId, now, saved: saved?.credentials })
  const accessToken = await credentials.issue(instance, options.accessToken ?? saved?.accessToken)
  if (options.refreshToken !== undefined || credentials.newest(instance) === undefined)
    await credentials.open(instance, options.refreshToken)

  const dedupKeys = new Map(saved?.dedupKeys)
  const save = () => {
    if (state === undefined || halted.aborted) return
    const all = {
      store: store.save(),
      arms: arms.save(),
      dedupKeys: [...dedupKeys],
      otherKeys: tokens.save(),
      credentials: credentials.save(),
    }
    saveState(state, { version: 2, ...all, accessToken })
  }
  const signal = createSignal(save)
  const log = createLog({ now: clock.now, changed: signal.changed, print: options.print })
  const timeoutMs = options.fireTimeoutMs ?? usualFireTimeoutMs
  const sender = createFireSender({ store, tokens, misbehave, log, halted, timeoutMs, tokenNow })
  const retryGapsMs = (options.retryGapsMs ?? usualRetryGapsMs).map((ms) => ms * (options.retryScale ?? 1))
  const ticker = createTicker({ arms, clock, now, sender, misbehave, log, signal, halted, retryGapsMs })
  const mannered = withManners({ store, arms, ticker, now, misbehave, log, signal, dedupKeys })
  const { rules, quota, horizonMs } = unlimited
  // No one has the admin secret: `/control` is for that.
  const adminHash = await hashOf(newSecret())
  const settings = { issuer, adminHash, rules, quota, horizonMs }
  return {
    identity: { instance, clientId, accessToken },
    relay: createRelay({ store: mannered, settings, keyring: tokens.keyring, now }),
    freezeLists: mannered.freezeLists,
    wait: (ms: number) => sleep(ms, undefined, { signal: halted }),
    halt: () => halting.abort(),
    ...{ clock, arms, tokens, credentials, log, misbehave, sender, ticker, signal, save },
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
