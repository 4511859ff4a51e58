import { AppError, type ErrorCode } from './errors.ts'

const codes = {
  job: 'JOB_NOT_FOUND',
  run: 'RUN_NOT_FOUND',
  delivery: 'DELIVERY_NOT_FOUND',
  channel: 'CHANNEL_NOT_FOUND',
  key: 'KEY_NOT_FOUND',
  secret: 'SECRET_NOT_FOUND',
} as const satisfies Record<string, ErrorCode>

/** Channels and secrets go by their names. */
const named: readonly string[] = ['channel', 'secret']

export function notFound(kind: keyof typeof codes, id: string): AppError {
  return new AppError(codes[kind], `No ${kind} ${named.includes(kind) ? 'named' : 'with id'} ${id}`)
}
