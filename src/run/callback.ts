import { createHmac, timingSafeEqual } from 'node:crypto'
import { refusedValue } from '../../db/index.ts'
import { type Outcome, settle } from '../decisions/index.ts'
import { AppError } from '../ground/errors.ts'
import type { Saved, Transit } from './change.ts'
import { unstorable } from './unstorable.ts'

/** What a callback's token says: which attempt may be reported, and until when (ms since 1970). */
export type CallbackClaims = { jobId: string; runId: string; fence: number; until: number }

/** How a target says that the work it took has ended. */
export type Report = { state: 'succeeded' | 'failed'; output: string | null; message: string | null }

export type Callbacks = {
  /** @throws AppError CALLBACK_UNAVAILABLE */
  url(claims: CallbackClaims): string
  /** Without the database. @throws AppError TOKEN_REJECTED: forged, cut, or signed with a key that is not given here. */
  verify(token: string): CallbackClaims
  /** @throws AppError CALLBACK_GONE: the attempt was reported before, has timed out, was cancelled, or its job is gone */
  report(claims: CallbackClaims, report: Report): Promise<Saved>
}

type Parts = {
  transit: Transit['transit']
  /** Null: nobody can report. The first signs; all are taken. */
  keys: readonly Buffer[]
  callbackUrl: string | null
}

/**
 * Outcomes that targets report later, to an address that only they were told. The token in it is signed (HMAC-SHA256)
 * and names one attempt by its fence, so it is good once: what ends the attempt makes the fence stale.
 */
export function createCallbacks({ transit, keys, callbackUrl }: Parts): Callbacks {
  const secrets = keys.map((key) => createHmac('sha256', key).update('chronos callback').digest())
  const sign = (text: string, secret: Buffer) => createHmac('sha256', secret).update(text).digest()

  return {
    url({ jobId, runId, fence, until }) {
      const [secret] = secrets
      if (!secret || !callbackUrl) {
        const missing = secret ? 'CALLBACK_URL' : 'ENCRYPTION_KEY'
        throw new AppError(
          'CALLBACK_UNAVAILABLE',
          `${missing} is not set; a target that reports later needs it`,
        )
      }
      const text = Buffer.from(`${jobId}.${runId}.${fence}.${until}`).toString('base64url')
      return `${callbackUrl}/api/callbacks/${text}.${sign(text, secret).toString('base64url')}`
    },

    verify(token) {
      const [text = '', signature = '', ...rest] = token.split('.')
      const given = Buffer.from(signature, 'base64url')
      const isOurs = secrets.some((secret) => {
        const expected = sign(text, secret)
        return given.length === expected.length && timingSafeEqual(given, expected)
      })
      if (!isOurs || rest.length > 0)
        throw new AppError('TOKEN_REJECTED', 'the address was not given out by this service')
      const [jobId = '', runId = '', fence, until] = Buffer.from(text, 'base64url').toString().split('.')
      return { jobId, runId, fence: Number(fence), until: Number(until) }
    },

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
        transit(
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
        throw isGone ? new AppError('CALLBACK_GONE', `the job of run ${runId} is gone`) : thrown
      })
      // only now, with the wake-up armed: whoever took this very report may have died before that, and unanswered
      if (isTaken) return saved
      throw new AppError('CALLBACK_GONE', `nothing waits for this outcome of run ${runId} any more`)
    },
  }
}
