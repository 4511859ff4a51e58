import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { AppError } from '../../src/ground/errors.ts'
import type { Machine } from './machine.ts'
import { never, type Steps } from './steps.ts'
import type { VirtualTime } from './time.ts'

/** Where NAS calls: takes a fire to a machine, as the proxy of a platform does. */
export type Edge = {
  /** Without a trailing slash. */
  url: string
  /** Fires that a machine has and has not answered. */
  pending(): number
  onChange(listener: () => void): void
  close(): Promise<void>
}

/** So long NAS waits for an answer, on the world's clock. */
const patienceMs = 30_000

/**
 * `wake` gives the machine that takes the next request, booting one where none is up. `onPromised`: NAS is about to
 * get a 2xx for this job. `replayedAfterMs`: each fire that was acknowledged comes again so much later, to whichever
 * machine takes it.
 */
export async function startEdge({
  wake,
  steps,
  time,
  onPromised,
  replayedAfterMs = null,
}: {
  wake: () => Machine
  steps: Steps
  time: VirtualTime
  onPromised: (jobId: string) => void
  replayedAfterMs?: number | null
}): Promise<Edge> {
  let pending = 0
  let changed = () => {}

  async function serve(body: string, response: ServerResponse) {
    const machine = wake()
    void machine.life.died.then(() => response.destroy())
    response.once(
      'close',
      time.after(patienceMs, () => response.destroy()),
    )
    const { job_id: jobId, fire_at: fireAt } = JSON.parse(body) as { job_id: string; fire_at?: string }
    const { status, retryAfterS } = await answerOf(machine, jobId, fireAt)
    if (status < 300) onPromised(jobId)
    await steps.make(machine.life, 'answer.fire', () => send(response, status, retryAfterS))
    if (status >= 300) return
    machine.core.fire.answered(jobId)
    if (replayedAfterMs !== null) time.after(replayedAfterMs, () => replay(jobId, fireAt))
  }

  /** A third party sends what it has seen, and hears no answer that counts. */
  function replay(jobId: string, fireAt: string | undefined) {
    const machine = wake()
    void answerOf(machine, jobId, fireAt).then(({ status }) =>
      steps.make(machine.life, 'answer.replay', async () => {
        if (status < 300) machine.core.fire.answered(jobId)
      }),
    )
  }

  const server = createServer((request, response) => {
    pending += 1
    response.once('close', () => {
      pending -= 1
      changed()
    })
    changed()
    void text(request)
      .then((body) => serve(body, response))
      .catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the edge does not listen on a port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    pending: () => pending,
    onChange(listener) {
      changed = listener
    },
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

async function answerOf({ core, life }: Machine, jobId: string, fireAt: string | undefined) {
  try {
    const answer = await core.fire.fire({ jobId, fireAt: fireAt ? new Date(fireAt) : null })
    return { status: answer.status === 'accepted' ? 202 : 200, retryAfterS: undefined }
  } catch (error) {
    if (!life.isAlive()) return never<never>()
    return error instanceof AppError
      ? { status: error.statusCode, retryAfterS: error.retryAfterS }
      : { status: 500, retryAfterS: undefined }
  }
}

async function send(
  response: ServerResponse,
  status: number,
  retryAfterS: number | undefined,
): Promise<void> {
  // NAS has hung up: no one hears the answer
  if (response.destroyed) return
  const closed = once(response, 'close')
  response
    .writeHead(status, retryAfterS === undefined ? {} : { 'retry-after': String(retryAfterS) })
    .end('{}')
  await closed
}
