import { createNasClient, createNasTimer, createStaticToken } from '../../../src/timers/nas/index.ts'
import type { TimerClient } from '../../../src/timers/index.ts'
import { startNas } from '../../nas/index.ts'
import { mortal } from '../steps.ts'
import type { Connecting, Outside, OutsideOptions } from './outside.ts'

const shifting = ['fire_early', 'fire_late', 'skew']

/** The local NAS, with its own misbehaviour: `name`, `name=value`, and `:n` for the first n times. */
export async function startLocalNas(options: OutsideOptions): Promise<Outside> {
  const { start, copies, changed } = options
  const nas = await startNas({
    time: start,
    fireTimeoutMs: 600_000,
    misbehave: copies > 1 ? [`duplicate=${copies}`] : [],
    print: changed,
  })
  return {
    ...{ title: 'NAS', kind: 'nas', isOnePerJob: true, nas, connect: connectNas },
    environment: () => ({ CRON_PROVIDER: 'chronos', ...nas.environment() }),
    held: async () =>
      nas.held().map(({ job_id, fire_at, schedule_id, tries, state, listed }) => ({
        ...{ jobId: job_id, fireAt: new Date(fire_at), scheduleId: schedule_id, tries },
        ...{ isWaiting: state === 'waiting', isListed: listed },
      })),
    nextMs() {
      const nowMs = nas.now().getTime()
      const waiting = nas.held().filter((arm) => arm.state === 'waiting')
      const soonest = Math.min(
        ...waiting.map((arm) => Date.parse(arm.due_at)).filter((dueMs) => dueMs > nowMs),
      )
      const isShifted = nas.misbehaving().some(({ name }) => shifting.includes(name))
      return isShifted ? Math.min(soonest, nowMs + 1_000) : soonest
    },
    jump: (instant) => nas.jump(instant),
    sending: () => nas.log.filter((entry) => entry.kind === 'fire').length - nas.fires().length,
    isBehind: () => false,
    hold: () => nas.misbehave('hold_fires'),
    release: () => nas.behave('hold_fires'),
    lose: async (jobId) => nas.lose(jobId),
    async misbehave(text) {
      const [, name = '', value, times] = /^([a-z_0-9]+)(?:=([^:]+))?(?::(\d+))?$/.exec(text) ?? []
      await nas.misbehave(name, value, times === undefined ? {} : { times: Number(times) })
    },
    // what such an answer made is replaced by the next try
    lostAnswers: () => 0,
    story: () => [...nas.log],
    close: () => nas.close(),
  }
}

/** A process' client of whatever speaks the contract. */
export function connectNas({ config, steps, life, log }: Connecting): TimerClient {
  const { portalUrl, accessToken, maxHorizonMs } = config.nas
  if (portalUrl === null || accessToken === null) throw new Error('NAS is not configured')
  const client = createNasClient({
    ...{ portalUrl, accessToken: createStaticToken(accessToken) },
    ...{ userAgent: 'chronos-torture/1', log },
  })
  return createNasTimer(mortal('nas', client, { steps, life }), { horizonMs: maxHorizonMs })
}
