import { readJsonObject } from '../ground/json.ts'

/** Takes a body as it comes in, piece by piece. */
export type BodyReader = {
  /** Why the rest need not be read; null: it goes on. */
  take(chunk: Buffer): string | null
  /** The body as a JSON object; null if it was not one. */
  end(): Record<string, unknown> | null
  /** The beginning of the body as text, for a reader that keeps it. */
  text?(): string
}

/** Keeps all of it, and reads it in the end. */
export function createWholeReader(): BodyReader {
  const chunks: Buffer[] = []
  return {
    take(chunk) {
      chunks.push(chunk)
      return null
    },
    end: () => readJsonObject(Buffer.concat(chunks).toString()),
    text: () => Buffer.concat(chunks).subarray(0, 1_000).toString(),
  }
}
