import { createReader, type Environment, readCommon } from '../core/index.ts'
import { isLevel, type Level } from './log.ts'
import type { RelayOptions } from './start.ts'

export type Read = Omit<RelayOptions, 'log'> & { level: Level }

/** The settings in the environment, or all problems with them. relay/README.md has the table. */
export function readEnvironment(env: Environment): { options: Read } | { problems: string[] } {
  const reader = createReader(env)
  const { problems, text, wholeNumber } = reader
  const common = readCommon(reader)
  const level = text('LOG_LEVEL') ?? 'info'
  if (!isLevel(level)) problems.push(`LOG_LEVEL is "${level}"; it has to be debug, info, warn or error.`)
  const options: Read = {
    ...common,
    file: text('RELAY_DATABASE') ?? '.chronos/relay.db',
    host: text('HOST') ?? '127.0.0.1',
    port: wholeNumber('PORT', 8787, 0, 65_535),
    level: isLevel(level) ? level : 'info',
  }
  return problems.length > 0 ? { problems } : { options }
}
