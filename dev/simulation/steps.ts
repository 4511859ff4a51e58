import type { Process } from './process.ts'
import type { Random } from './random.ts'
import type { Scenario } from './scenario.ts'
import type { Trace } from './trace.ts'

/** Each call that a process makes goes through here: at any of them it may die, before or after it, or freeze. */
export type Steps = {
  /** False: the process died before the call was sent. */
  take(name: string): boolean
}

export function createSteps(
  process: Process,
  { step }: Scenario,
  { random, trace, isFaulty }: { random: Random; trace: Trace; isFaulty: () => boolean },
): Steps {
  function take(name: string): boolean {
    if (!process.isAlive()) return false
    if (!isFaulty()) return true
    const drawn = random.fraction()
    if (drawn < step.diesBefore) {
      trace(process.name, `dies before ${name}`)
      process.kill()
      return false
    }
    if (drawn < step.diesBefore + step.diesAfter) {
      trace(process.name, `dies after ${name} was sent`)
      process.kill()
      return true
    }
    if (drawn < step.diesBefore + step.diesAfter + step.freezes) {
      const ms = random.between(1_000, step.freezeMs)
      trace(process.name, `freezes for ${ms} ms at ${name}`)
      process.freeze(ms)
    }
    return true
  }

  return { take }
}
