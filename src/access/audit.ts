import type { AuditAnswer, AuditEntry, AuditStore, Intent } from '../../db/index.ts'
import { AppError } from '../ground/errors.ts'
import type { Log } from '../ground/log.ts'

/** The record of who asked for which change, and how it was answered. */
export type Audit = {
  /** Written before anything is carried out; returns its id. @throws AppError DATABASE_UNAVAILABLE: then nothing may be. */
  intend(intent: Intent): Promise<string>
  /** How it was answered. Never rejects: what cannot be written stays without a status. */
  answered(id: string, answer: AuditAnswer): Promise<void>
  /** One that was refused before anything could be carried out. Never rejects. */
  refused(intent: Intent, status: number): Promise<void>
  /** Newest first. It includes everything that this process has answered so far. */
  list: AuditStore['list']
}

export type { AuditEntry, Intent }

export function createAudit({ store, log }: { store: AuditStore; log: Log }): Audit {
  const writing = new Set<Promise<void>>()

  async function afterwards(work: Promise<unknown>): Promise<void> {
    const written = work.then(
      () => {},
      (error: unknown) =>
        log.warn({ err: error }, 'the response to a change could not be added to the audit log'),
    )
    writing.add(written)
    await written
    writing.delete(written)
  }

  return {
    async intend(intent) {
      try {
        return await store.add({ ...intent, status: null })
      } catch (cause) {
        // whatever the reason is: who is asked to keep a record does nothing without
        const detail = 'The audit log could not be written, so nothing was changed. Retry the request.'
        throw cause instanceof AppError ? cause : new AppError('DATABASE_UNAVAILABLE', detail, { cause })
      }
    },
    answered: (id, answer) => afterwards(store.answered(id, answer)),
    refused: (intent, status) => afterwards(store.add({ ...intent, status })),
    async list(wish, page) {
      await Promise.all(writing)
      return store.list(wish, page)
    },
  }
}
