import type { FastifyInstance, FastifyRequest } from 'fastify'
import { createFoldedLog, type FoldedLog } from '../src/ground/folded-log.ts'
import { realDelays } from '../src/ground/delays.ts'

const foldedLog = Symbol('folded log')

/** Gives every route of `app` one folded log; its counts are written when `app` closes. */
export function foldLog(app: FastifyInstance): void {
  const folded = createFoldedLog(realDelays)
  app.decorate(foldedLog, folded)
  app.addHook('onClose', async () => folded.end())
}

export function foldedLogOf({ server }: FastifyRequest): FoldedLog {
  return server.getDecorator<FoldedLog>(foldedLog)
}
