import { AppError, type ErrorCode } from './errors.ts'

const kinds = {
  job: ['JOB_NOT_FOUND', 'job with id'],
  'job with key': ['JOB_NOT_FOUND', 'job with key'],
  run: ['RUN_NOT_FOUND', 'run with id'],
  channel: ['CHANNEL_NOT_FOUND', 'channel named'],
  key: ['KEY_NOT_FOUND', 'API key with id'],
  project: ['PROJECT_NOT_FOUND', 'project named'],
  secret: ['SECRET_NOT_FOUND', 'secret named'],
} as const satisfies Record<string, readonly [code: ErrorCode, words: string]>

/** `key`: an id or a name, as the caller wrote it. */
export function notFound(kind: keyof typeof kinds, key: string): AppError {
  const [code, words] = kinds[kind]
  return new AppError(code, `No ${words} ${key}`)
}
