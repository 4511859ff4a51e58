import type { StandInClock } from './clock.ts'
import type { createCouriers } from './couriers.ts'
import type { startStandInServer } from './server.ts'

type ControlsNeeds = {
  clock: StandInClock
  couriers: Pick<ReturnType<typeof createCouriers>, 'settled'>
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
    async close() {
      clock.stop()
      await server.close()
    },
  }
}
