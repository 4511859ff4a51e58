import type { Clock } from './clock.ts'

/** Notes what happens in a world. */
export type Trace = (who: string, what: string, detail?: unknown) => void

/** Keeps nothing; `lines` prints each as it happens. */
export function createTrace(clock: Clock, lines: ((line: string) => void) | null): Trace {
  if (!lines) return () => {}
  return (who, what, detail) => {
    const told = detail === undefined ? '' : ` ${JSON.stringify(detail, shorten)?.slice(0, 900) ?? ''}`
    lines(`${clock.date().toISOString().slice(5, 23)} ${who.padEnd(12)} ${what}${told}`)
  }
}

function shorten(key: string, value: unknown): unknown {
  return key === 'authored' || key === 'policy'
    ? undefined
    : value instanceof Set
      ? [...(value as Set<unknown>)]
      : value
}
