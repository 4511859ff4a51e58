import type { Store } from '../../db/index.ts'

/** The store with `fail` called before its statement number `step`, counted from `begin`. */
export function failing(store: Store, fail: () => Promise<void>) {
  const state = { step: 0, wanted: 0 }
  const wrapped = new Proxy(store, {
    get(target, key): unknown {
      const value: unknown = Reflect.get(target, key)
      if (typeof value !== 'function' || key === 'clock') return value
      return async (...args: unknown[]) => {
        state.step += 1
        if (state.step === state.wanted) await fail()
        return Reflect.apply(value, target, args) as unknown
      }
    },
  })
  return {
    store: wrapped,
    begin: (wanted: number) => Object.assign(state, { step: 0, wanted }),
    made: () => state.step,
  }
}
