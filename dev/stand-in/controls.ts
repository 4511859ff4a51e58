import type { StandInClock } from './clock.ts'
import type { createCouriers } from './couriers.ts'
import type { startStandInServer } from './server.ts'

type ControlsNeeds = {
  clock: StandInClock
  couriers: Pick<ReturnType<typeof createCouriers>, 'settled' | 'sending' | 'hold' | 'release'>
  server: Pick<Awaited<ReturnType<typeof startStandInServer>>, 'close'>
}

/** What a test does with any stand-in. */
export function controlsOf({ clock, couriers, server }: ControlsNeeds) {
  return {
    /** Moves the clock, and waits until what became due has been answered. */
    async moveTo(instant: Date | string) {
      clock.moveTo(new Date(instant).getTime())
      await couriers.settled()
    },
    settled: couriers.settled,
    /** Moves the clock, and waits for nothing: for an answer that waits for a clock itself. */
    jump: (instant: Date) => clock.moveTo(instant.getTime()),
    nextMs: clock.nextMs,
    isBehind: clock.isBehind,
    /** Calls that have begun and are not answered. */
    sending: couriers.sending,
    /** Nothing is sent until `release`, which sends what became due meanwhile. */
    hold: couriers.hold,
    release: couriers.release,
    async close() {
      clock.stop()
      await server.close()
    },
  }
}
