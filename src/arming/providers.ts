import type { Config } from '../ground/config.ts'
import type { FireVerifier, TimerCalls, TimerLimits, TimerNeeds } from '../timers/index.ts'

export type Provider = {
  /** As logs and messages call it. */
  title: string
  /** `place` of its timer. */
  place(config: Config): string
  /** What is unset in the environment and has to be set; from the configuration alone. */
  missing(config: Config): string[]
  /** Loads it, only where it is chosen. Null: it is part of the program, because most services are woken by it. */
  load: ((needs: TimerNeeds) => Promise<TimerCalls & FireVerifier>) | null
  limits(config: Config): TimerLimits
}

/** The timers that CRON_PROVIDER may name, beside the built-in one. */
export const providers: Record<string, Provider> = {
  chronos: {
    title: 'NAS',
    place: () => '',
    missing: missingOfNas,
    limits: ({ nas }) => ({ horizonMs: nas.maxHorizonMs, isOnePerJob: true }),
    load: null,
  },
  qstash: {
    title: 'QStash',
    place: ({ qstash }) => qstash.url,
    missing: ({ qstash, callbackUrl }) =>
      unset({
        QSTASH_TOKEN: qstash.token,
        QSTASH_CURRENT_SIGNING_KEY: qstash.currentSigningKey,
        QSTASH_NEXT_SIGNING_KEY: qstash.nextSigningKey,
        CALLBACK_URL: callbackUrl,
      }),
    limits: ({ qstash }) => ({ horizonMs: qstash.maxHorizonMs, isOnePerJob: false }),
    load: async (needs) => (await import('../timers/qstash/index.ts')).createQstashTimer(needs),
  },
  'cloud-tasks': {
    title: 'Cloud Tasks',
    place: ({ cloudTasks }) => cloudTasks.queue ?? '',
    missing: ({ cloudTasks, callbackUrl }) =>
      unset({
        CLOUD_TASKS_QUEUE: cloudTasks.queue,
        CLOUD_TASKS_KEY: cloudTasks.key,
        CALLBACK_URL: callbackUrl,
      }),
    limits: ({ cloudTasks }) => ({ horizonMs: cloudTasks.maxHorizonMs, isOnePerJob: false }),
    load: async (needs) => (await import('../timers/cloud-tasks/index.ts')).createCloudTasksTimer(needs),
  },
  pg: {
    title: 'pg_cron',
    place: () => 'pg_cron',
    missing: ({ encryptionKey, callbackUrl }) =>
      unset({ ENCRYPTION_KEY: encryptionKey, CALLBACK_URL: callbackUrl }),
    // it reads the wake times themselves: none is too far ahead, and none is replaced
    limits: () => ({ horizonMs: Number.POSITIVE_INFINITY, isOnePerJob: false }),
    load: async (needs) => (await import('../timers/pg/index.ts')).createPgTimer(needs),
  },
}

/** NAS can be called, and can call us. */
function missingOfNas({ nas, callbackUrl }: Pick<Config, 'nas' | 'callbackUrl'>): string[] {
  const hasLogin = nas.accessToken !== null || nas.refreshToken !== null
  const given = {
    NAS_PORTAL_URL: nas.portalUrl,
    NAS_AUDIENCE: nas.audience,
    CALLBACK_URL: callbackUrl,
    'NAS_REFRESH_TOKEN (or NAS_ACCESS_TOKEN)': hasLogin,
    ...(!nas.accessToken && nas.refreshToken && { NAS_TOKEN_URL: nas.tokenUrl, NAS_CLIENT_ID: nas.clientId }),
  }
  return unset(given)
}

function unset(given: Record<string, unknown>): string[] {
  return Object.entries(given).flatMap(([name, value]) => (value ? [] : [name]))
}
