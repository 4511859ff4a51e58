import type { TelemetryConfig } from '../ground/config-telemetry.ts'
import { type Delays, within } from '../ground/delays.ts'
import { version } from '../ground/version.ts'
import { loadPush, type PushNeeds } from '../telemetry/index.ts'

/** Pushing metrics and traces: while the process is up, and before it goes, because one that is off cannot be scraped. */
export type Pushing = {
  start(): void
  /** The last push, over after a short time whatever the collector does. */
  last(): Promise<void>
}

type PushingNeeds = Pick<PushNeeds, 'families' | 'spans' | 'log'> & {
  config: TelemetryConfig
  machineId: string
  delays: Delays
}

/** For the statements that the numbers are read with, beside the call of the collector. */
const readingMs = 1_000

export function createPushing(needs: PushingNeeds): Pushing {
  const { config, machineId, delays, families, spans, log } = needs
  const { metricsUrl, tracesUrl, attributes, serviceName, timeoutMs } = config
  const isOn = metricsUrl !== null || tracesUrl !== null
  let loaded: ReturnType<typeof loadPush> | undefined
  let cancelWait = () => {}
  let isLeaving = false

  async function push() {
    loaded ??= loadPush({
      ...{ to: config, families, spans, log },
      origin: {
        resource: { ...attributes, 'service.name': serviceName },
        ...{ version, instance: machineId },
      },
    })
    await (await loaded).push()
  }

  function start() {
    if (!isOn || isLeaving) return
    cancelWait = delays.after(config.intervalMs, () => void push().finally(start))
  }

  return {
    start,
    async last() {
      isLeaving = true
      cancelWait()
      if (isOn) await within(delays, timeoutMs + readingMs, push(), undefined)
    },
  }
}
