import { after, beforeEach } from 'node:test'
import type { Delays } from '../../src/ground/delays.ts'
import { type Opened, openStore } from '../store/setup.ts'

/** The store of one test file, for its whole time: empty, and at 08:30, before each test. */
export async function openEmptyStore(): Promise<Opened> {
  const opened = await openStore()
  after(() => opened.close())
  beforeEach(async () => {
    await opened.sql`truncate jobs, runs, arms, facts, orphans cascade`
    opened.setTime('08:30:00')
  })
  return opened
}

type Timer = { ms: number; work: () => void }

/** Delays that go off when the test says so. */
export function createTestDelays() {
  const waiting = new Set<Timer>()
  let told = () => {}
  const delays: Delays = {
    now: () => 0,
    after(ms, work) {
      const timer = { ms, work }
      waiting.add(timer)
      told()
      return () => void waiting.delete(timer)
    },
  }
  /** The wait that is asked for, once there is one; it stays. */
  async function next(): Promise<Timer> {
    for (;;) {
      const [timer] = waiting
      if (timer) return timer
      await new Promise<void>((resolve) => (told = resolve))
    }
  }

  /** Lets the next wait end; how long it was to be, in milliseconds. */
  async function elapse(): Promise<number> {
    const timer = await next()
    waiting.delete(timer)
    timer.work()
    return timer.ms
  }

  return { delays, count: () => waiting.size, next, elapse }
}

/** Keeps what is logged, by its message. */
export function createTestLog() {
  const lines: { level: string; message: string; fields: Record<string, unknown> }[] = []
  const write = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, message, fields: { ...fields } })
  return { lines, info: write('info'), warn: write('warn'), error: write('error') }
}
