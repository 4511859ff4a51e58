import { refusedValue, type Store } from '../../db/index.ts'
import { type Outcome, settle } from '../decisions/index.ts'
import { AppError } from '../ground/errors.ts'
import { createRedactor } from '../redact/index.ts'
import { namesIn } from '../template/index.ts'
import type { Secrets } from '../vault/secrets.ts'
import type { CallbackAddress, CallbackClaims } from './callback-address.ts'
import type { Changes, Saved } from './change.ts'
import { unstorable } from './unstorable.ts'

/** How a target says that the work it took has ended. */
export type Report = { state: 'succeeded' | 'failed'; output: string | null; message: string | null }

export type Callbacks = {
  /** @throws AppError CALLBACK_GONE: the attempt was reported before, has timed out, was cancelled, or its job is gone */
  report(claims: CallbackClaims, report: Report): Promise<Saved>
}

/** Outcomes that targets report later, to an address that only they were told. */
export function createCallbacks({ changes }: { changes: Changes }): Callbacks {
  return {
    async report({ jobId, runId, fence }, { state, output, message }) {
      const error = {
        code: 'TARGET_FAILED',
        message: message ?? 'the target reported a failure without a message',
      }
      const outcome: Outcome = {
        ...(state === 'failed' ? { state, error } : { state }),
        ...(output !== null && { output }),
      }
      let isTaken = false
      const write = (settled: Outcome, kept: string | null) =>
        changes.apply(
          jobId,
          ({ view }) => {
            const decision = settle(view, { runId, fence, outcome: settled })
            isTaken = decision !== null
            return decision
          },
          { output: kept },
        )
      const saved = await write(outcome, output).catch((thrown: unknown) => {
        const sqlState = refusedValue(thrown)
        if (sqlState !== null)
          return write({ state: 'failed', final: true, error: unstorable('the run', state, sqlState) }, null)
        const isGone = thrown instanceof AppError && thrown.code === 'JOB_NOT_FOUND'
        throw isGone ? new AppError('CALLBACK_GONE', `the job of run ${runId} was deleted`) : thrown
      })
      // only now, with the wake-up armed: the process that took this very report may have died before that, and unanswered
      if (isTaken) return saved
      throw new AppError('CALLBACK_GONE', `run ${runId} no longer waits for this report`)
    },
  }
}

type RedactNeeds = {
  store: Pick<Store, 'look'>
  secrets: () => Promise<Pick<Secrets, 'exists' | 'read'>>
  /** Values that no run may show, used or not. */
  always: readonly string[]
  url: CallbackAddress['url']
}

const secretStart = 'secrets.'

/**
 * A late report without the secrets that its target was sent. The attempt is over, perhaps in another process, so they
 * are the address that it reports to, and those that the job names now: a value that was replaced since is not known any more.
 *
 * @throws AppError as `Secrets.read`: what cannot be looked for is not kept.
 */
export async function withoutSecrets(
  { store, secrets, always, url }: RedactNeeds,
  claims: CallbackClaims,
  { state, output, message }: Report,
): Promise<Report> {
  const look = await store.look(claims.jobId)
  const names = [...namesIn(look?.authored.action)].filter((name) => name.startsWith(secretStart))
  const values = await readThose(
    names.map((name) => name.slice(secretStart.length)),
    secrets,
  )
  const { text } = createRedactor([...always, ...values, url(claims)])
  // both were cut at their limits
  const hidden = (given: string | null) => (given === null ? null : text(given, { isCut: true }))
  return { state, output: hidden(output), message: hidden(message) }
}

async function readThose(names: string[], secrets: RedactNeeds['secrets']): Promise<Iterable<string>> {
  if (names.length === 0) return []
  const store = await secrets()
  return (await store.read(await store.exists(names))).values()
}
