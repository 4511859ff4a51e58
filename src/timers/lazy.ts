import type { FireVerifier, Timer, TimerCalls, TimerNames } from './timer.ts'

type Loaded = TimerCalls & FireVerifier
type LazyNeeds = TimerNames & { load: () => Promise<Loaded> }

/** A timer that is loaded when it is first used, so that a service that is woken by another one never loads it. */
export function createLazyTimer({ load, ...known }: LazyNeeds): Timer {
  let loading: Promise<Loaded> | undefined
  let timer: Loaded | undefined

  function whole(): Promise<Loaded> {
    loading ??= load().then((loaded) => {
      timer = loaded
      return loaded
    })
    return loading
  }

  return {
    ...known,
    open: () => timer?.open?.(),
    arm: async (wanted, signal) => (await whole()).arm(wanted, signal),
    cancel: async (arm, signal) => (await whole()).cancel(arm, signal),
    list: async (signal) => (await whole()).list(signal),
    refusal: () => timer?.refusal() ?? null,
    session: () => timer?.session() ?? 'unknown',
    verifyFire: async (headers, likely) => (await whole()).verifyFire(headers, likely),
    warm: async () => (await whole()).warm(),
    refreshIfStale: async () => (await whole()).refreshIfStale(),
    keysError: () => timer?.keysError() ?? null,
  }
}
