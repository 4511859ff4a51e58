import { createRedactorMemory, type Redactor, type RedactingStream } from '../../redact/index.ts'
import type { AttemptLog } from './context.ts'
import type { ActionOutcome } from './outcome.ts'

/** Keeps the secrets that one attempt has used out of all that is kept of it. */
export type Protection = {
  /** A value that is secret from now on. */
  note(value: string): void
  outcome(outcome: ActionOutcome): ActionOutcome
  /** A text that is to be cut, or to stand within another one. */
  hide: Redactor['text']
  /** For text that comes in pieces and is cut before it becomes an outcome. */
  stream(): RedactingStream
  /** The same log, fed with redacted text. */
  log(log: AttemptLog): AttemptLog
}

/** Making a redactor ready costs some milliseconds, and the next run of a job uses the same secrets. */
const keptRedactors = 32

/** `always`: values that no run may show, used or not. */
export function createProtector(always: readonly string[]): () => Protection {
  const redactorFor = createRedactorMemory(keptRedactors)

  return () => {
    const values = new Set(always)
    /** Rebuilt if a value was added; text that the former one holds back is searched again. */
    let stream: { redacting: RedactingStream; size: number } | null = null

    function streamNow(log: AttemptLog): RedactingStream {
      if (stream?.size === values.size) return stream.redacting
      const rest = stream?.redacting.end()
      stream = { redacting: redactorFor(values).stream(), size: values.size }
      if (rest && rest.length > 0) log.write(stream.redacting.write(rest))
      return stream.redacting
    }

    // a logged text may be an answer that was cut
    function endStream(log: AttemptLog) {
      const rest = stream?.redacting.end({ isCut: true })
      if (rest && rest.length > 0) log.write(rest)
      stream = null
    }

    return {
      note: (value) => void values.add(value),
      hide: (text, wish) => redactorFor(values).text(text, wish),
      stream: () => redactorFor(values).stream(),
      outcome({ output, error, skippedReason, usage, ...rest }) {
        const { text, json } = redactorFor(values)
        return {
          ...rest,
          ...(output !== undefined && { output: text(output, { isCut: true }) }),
          ...(error && { error: { code: error.code, message: text(error.message, { isCut: true }) } }),
          ...(usage && { usage: json(usage) as Record<string, unknown> }),
          ...(skippedReason !== undefined && { skippedReason: text(skippedReason, { isCut: true }) }),
        }
      },
      log: (log) => ({
        write: (chunk) => log.write(streamNow(log).write(chunk)),
        end(how) {
          endStream(log)
          return log.end(how)
        },
      }),
    }
  }
}
