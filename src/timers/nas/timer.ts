import type { TokenVerifier } from '../../token/index.ts'
import type { FireVerifier, TimerClient } from '../index.ts'
import type { NasClient } from './client.ts'

/** NAS as a timer: it holds one wake-up for each job, and a new one takes the place of the one before. */
export function createNasTimer(client: NasClient, { horizonMs }: { horizonMs: number }): TimerClient {
  return {
    name: 'chronos',
    title: 'NAS',
    place: '',
    limits: { horizonMs, isOnePerJob: true },
    open: () => client.open?.(),
    arm: (wanted, signal) => client.provision(wanted, signal),
    cancel: ({ jobId }, signal) => client.cancel(jobId, signal),
    list: (signal) => client.list(signal),
    refusal: () => client.refusal(),
    session: () => client.session(),
  }
}

/** The fires of NAS bring a bearer token, which says nothing of the body. */
export function createNasFireVerifier(tokens: TokenVerifier): FireVerifier {
  return {
    async verifyFire({ authorization }, likely) {
      await tokens.verify(authorization, likely)
      return {}
    },
    warm: () => tokens.warm(),
    refreshIfStale: () => tokens.refreshIfStale(),
    keysError: () => tokens.health().lastError,
  }
}
