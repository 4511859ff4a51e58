import { randomUUID } from 'node:crypto'
import type { Store } from '../../db/index.ts'
import type { SendMessage } from '../delivery/send.ts'
import { sleep, type Delays } from '../ground/delays.ts'
import { defaultProject } from '../ground/project.ts'
import type { Log } from '../ground/log.ts'
import { healthFact, type HealthRecord, recordAfter, type Seen } from './health-record.ts'

type ReportNeeds = {
  store: Pick<Store, 'readFact' | 'swapFact' | 'clock'>
  /** The names of the channels that hear of failures by default. */
  channels: () => Promise<string[]>
  send: SendMessage
  delays: Delays
  log: Pick<Log, 'warn' | 'error'>
}

const maxRounds = 5
const tries = 3
const betweenTriesMs = 5_000

/**
 * Records what this process sees of the service's health, and tells the default channels if it became worse: of all
 * processes the one whose write wins. A process that dies between the write and the message has told no one; the log
 * and `/api/status` have it. Never rejects.
 */
export async function reportHealth(needs: ReportNeeds, seen: Seen): Promise<void> {
  const { store, log } = needs
  try {
    for (let round = 0; round < maxRounds; round++) {
      const fact = await store.readFact(healthFact)
      const before = (fact?.value ?? null) as HealthRecord | null
      const next = recordAfter(before, seen, store.clock() ?? new Date())
      if (!next) return
      if (!(await store.swapFact(healthFact, { seen: before, value: next.record }))) continue
      if (next.tells) await tell(needs, next.record)
      return
    }
  } catch (error) {
    log.warn({ err: error }, 'the health of the service could not be recorded')
  }
}

async function tell(needs: ReportNeeds, record: HealthRecord): Promise<void> {
  const names = await needs.channels()
  const id = randomUUID()
  await Promise.all(names.map((name) => tellChannel(needs, name, messageOf(id, record))))
}

async function tellChannel(
  { send, delays, log }: ReportNeeds,
  channel: string,
  message: Message,
): Promise<void> {
  for (let left = tries; left > 0; left--) {
    const sent = await send({ channel }, message, new AbortController().signal, defaultProject)
    if (sent.state === 'delivered') return
    const { code, message: why } = sent.error
    if (sent.state !== 'retry' || left === 1)
      return log.error({ channel, code }, `a channel was not told of the health of the service: ${why}`)
    await sleep(delays, betweenTriesMs)
  }
}

type Message = Parameters<SendMessage>[1]

function messageOf(id: string, { health, reasons, since }: HealthRecord): Message {
  const at = new Date(since)
  const run = { id, slot: null, state: health, attempt: 1, trigger: 'health' }
  return {
    ...{ id, event: 'health', job: { id: '000000000000', name: 'Chronos' } },
    run: { ...run, startedAt: at, finishedAt: at, durationMs: null },
    output: reasons.map(({ code, message }) => `${code}: ${message}`).join('\n'),
    ...{ error: null, link: null },
  }
}
