import type { CronScheduler } from './scheduler.ts'

type Nameable = Pick<CronScheduler, 'name' | 'isAvailable'> & {
  /** The variables that it lacks. */
  missing?(): string[]
}

/**
 * The scheduler that `provider` (CRON_PROVIDER) names. Empty: the built-in one. A name that is unknown, or whose
 * scheduler is not available, falls back to the built-in one with a warning that says why: cron never loses its trigger.
 */
export function resolveCronScheduler<S extends Nameable>(
  provider: string,
  schedulers: { builtin: S; others: S[] },
  log: { warn(fields: object, message: string): void },
): S {
  const { builtin, others } = schedulers
  if (provider === '' || provider === builtin.name) return builtin
  const named = others.find(({ name }) => name === provider)
  if (named && isAvailable(named)) return named
  const known = [builtin, ...others].map(({ name }) => name).join(', ')
  const missing = named?.missing?.() ?? []
  const why = named
    ? `"${provider}" is not available: its configuration is incomplete${missing.length > 0 ? `. Set ${missing.join(', ')}` : ''}`
    : `"${provider}" is not one of ${known}`
  log.warn({ provider }, `CRON_PROVIDER ${why}. Using the built-in scheduler.`)
  return builtin
}

function isAvailable(scheduler: Nameable): boolean {
  try {
    return scheduler.isAvailable()
  } catch {
    return false
  }
}
