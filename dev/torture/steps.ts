/**
 * Where a process dies: before its call number `step` (or its first one with the label `at`) is sent, or after that
 * was carried out and before it hears of it. `freezes`: it does not die, it stands still, as after SIGSTOP. `gave`: only
 * if the call gave such a value.
 */
export type KillPoint = ({ step: number } | { at: string }) & {
  when: 'before' | 'after'
  freezes?: true
  gave?: (value: unknown) => boolean
}

/** One process as far as its death goes. */
export type Life = {
  isAlive(): boolean
  isFrozen(): boolean
  /** From now on it sends nothing, hears nothing and sees no timer go off, until `thaw`. */
  freeze(): void
  thaw(): void
  /** Resolves at once, or when it is not frozen any more. */
  awake(): Promise<void>
  /** From now on none of its calls settles and none of its timers goes off. */
  die(): void
  /** Resolves when it dies. */
  died: Promise<void>
}

/**
 * Counts what processes do to the outside: each call to the database, to NAS and to a target, each answer. The process
 * that makes a step at a kill point dies there.
 */
export type Steps = {
  /** Counts from 1 from here on, and kills at these points only. */
  begin(points: KillPoint[]): void
  /** `store.transition`, `nas.provision`, `answer.fire` …, in the order in which they were made since `begin`. */
  labels(): string[]
  /** Kill points that were reached. */
  kills(): number
  /** True of a process that died at a kill point, ever. */
  wasKilled(life: Life): boolean
  born(onDeath: () => void): Life
  /** Makes one step for a process. Never settles once that is dead. */
  make<T>(life: Life, label: string, call: () => Promise<T>): Promise<T>
  /** Calls that the outside has not finished, of any caller; of one kind only, if it is named. */
  inFlight(kind?: string): number
  /** Called after everything that happens here. */
  onChange(listener: () => void): void
}

export function createSteps(): Steps {
  let points: KillPoint[] = []
  let labels: string[] = []
  let kills = 0
  const killed = new Set<Life>()
  const inFlight = new Map<string, number>()
  let changed = () => {}

  function reach(
    life: Life,
    { step, label, when, value }: { step: number; label: string; when: KillPoint['when']; value?: unknown },
  ) {
    const isThere = (point: KillPoint) => ('at' in point ? point.at === label : point.step === step)
    const index = points.findIndex(
      (point) => point.when === when && isThere(point) && (point.gave?.(value) ?? true),
    )
    const point = points[index]
    if (!life.isAlive() || !point) return
    points = points.toSpliced(index, 1)
    kills += 1
    killed.add(life)
    if (point.freezes) life.freeze()
    else life.die()
    changed()
  }

  function count(label: string, by: 1 | -1) {
    const kind = label.split('.')[0] ?? label
    inFlight.set(kind, (inFlight.get(kind) ?? 0) + by)
  }

  async function make<T>(life: Life, label: string, call: () => Promise<T>): Promise<T> {
    if (!life.isAlive()) return never()
    const step = labels.push(label)
    reach(life, { step, label, when: 'before' })
    await life.awake()
    if (!life.isAlive()) return never()
    count(label, 1)
    let given: T | undefined
    const outcome = await call().then(
      (value) => {
        given = value
        return () => value
      },
      (error: unknown) => () => {
        throw error
      },
    )
    count(label, -1)
    reach(life, { step, label, when: 'after', value: given })
    changed()
    await life.awake()
    return life.isAlive() ? outcome() : never()
  }

  function born(onDeath: () => void): Life {
    const { promise: died, resolve } = Promise.withResolvers<void>()
    let isAlive = true
    let frozen: PromiseWithResolvers<void> | null = null
    return {
      isAlive: () => isAlive,
      isFrozen: () => frozen !== null,
      freeze() {
        frozen ??= Promise.withResolvers<void>()
      },
      thaw() {
        frozen?.resolve()
        frozen = null
      },
      awake: () => frozen?.promise ?? Promise.resolve(),
      die() {
        if (!isAlive) return
        isAlive = false
        onDeath()
        resolve()
      },
      died,
    }
  }

  return {
    begin(wanted) {
      points = wanted
      labels = []
      kills = 0
    },
    labels: () => labels,
    kills: () => kills,
    wasKilled: (life) => killed.has(life),
    born,
    make,
    inFlight: (kind) =>
      kind === undefined ? [...inFlight.values()].reduce((sum, n) => sum + n, 0) : (inFlight.get(kind) ?? 0),
    onChange(listener) {
      changed = listener
    },
  }
}

/** `parts` with each of its asynchronous methods counted as a step of this process. */
export function mortal<T extends object>(
  name: string,
  parts: T,
  { steps, life }: { steps: Steps; life: Life },
): T {
  return new Proxy(parts, {
    get(target, key): unknown {
      const value: unknown = Reflect.get(target, key)
      if (typeof value !== 'function') return value
      if (synchronous.has(String(key))) return value.bind(target) as unknown
      const label = `${name}.${String(key)}`
      return (...args: unknown[]) =>
        steps.make(life, label, () => asynchronous(Reflect.apply(value, target, args), label))
    },
  })
}

/** What is remembered, without a call: of the NAS client, of the store. */
const synchronous = new Set(['refusal', 'session', 'clock'])

async function asynchronous(outcome: unknown, label: string): Promise<unknown> {
  if (outcome instanceof Promise) return outcome
  throw new TypeError(`${label} gave no promise. Add its name to those that make no call`)
}

export function never<T>(): Promise<T> {
  return new Promise(() => {})
}
