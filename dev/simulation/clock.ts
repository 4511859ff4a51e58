/** Virtual time: a queue of what happens, and when. Nothing here waits. */
export type Clock = {
  /** Milliseconds since 1970, whole. */
  now(): number
  date(): Date
  /** Calls `work` once, `ms` from now (rounded up, at least 0); the returned function takes that back. */
  after(ms: number, work: () => void): () => void
  /** Lets everything happen that is due up to `untilMs`, in order; rejects where something throws. */
  run(untilMs: number): Promise<void>
  steps(): number
}

type Event = { at: number; order: number; work: (() => void) | null }

export function createClock(startMs: number): Clock {
  const heap: Event[] = []
  let nowMs = startMs
  let order = 0
  let steps = 0

  function after(ms: number, work: () => void): () => void {
    const event: Event = { at: nowMs + Math.max(0, Math.ceil(ms)), order: order++, work }
    push(heap, event)
    return () => {
      event.work = null
    }
  }

  function next(untilMs: number): Event | null {
    for (;;) {
      const first = heap[0]
      if (!first || first.at > untilMs) return null
      pop(heap)
      if (first.work) return first
    }
  }

  function run(untilMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      function step() {
        const event = next(untilMs)
        if (!event) {
          nowMs = Math.max(nowMs, untilMs)
          return resolve()
        }
        nowMs = event.at
        steps += 1
        try {
          event.work?.()
        } catch (error) {
          return reject(asError(error))
        }
        // A tick that is asked for in a microtask comes when no microtask is left: all that this event led to is done.
        queueMicrotask(() => process.nextTick(step))
      }
      step()
    })
  }

  return { now: () => nowMs, date: () => new Date(nowMs), after, run, steps: () => steps }
}

export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}

const isBefore = (a: Event, b: Event) => a.at < b.at || (a.at === b.at && a.order < b.order)

function push(heap: Event[], event: Event) {
  let at = heap.length
  heap.push(event)
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (!isBefore(event, heap[parent] as Event)) break
    heap[at] = heap[parent] as Event
    at = parent
  }
  heap[at] = event
}

function pop(heap: Event[]) {
  const last = heap.pop() as Event
  if (heap.length === 0) return
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    const right = heap[child + 1]
    if (right && isBefore(right, heap[child] as Event)) child += 1
    if (!isBefore(heap[child] as Event, last)) break
    heap[at] = heap[child] as Event
    at = child
  }
  heap[at] = last
}
