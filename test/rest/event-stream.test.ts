import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import type { FastifyReply } from 'fastify'
import { answerEvents } from '../../routes/events.ts'
import { until } from '../support/until.ts'

test('a stream whose client has gone between two events is given up at the next one, without a wait', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] })
  const { promise: held, resolve: release } = Promise.withResolvers<void>()
  let isOver = false
  async function* events() {
    try {
      yield 1
      await held
      yield 2
      yield 3
    } finally {
      isOver = true
    }
  }
  const reply = { header: () => reply, type: () => reply } as unknown as FastifyReply
  const written = (n: number) => ({ event: 'told', data: { n } })
  const stream = answerEvents(reply, events(), { title: 'a story', written })
  stream.resume()
  await once(stream, 'data')
  stream.destroy()
  await once(stream, 'close')
  release()
  await until('the events are given up', () => isOver, { withinMs: 5_000 })
  assert.equal(stream.destroyed, true)
})
