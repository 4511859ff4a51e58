import { Webhook } from 'standardwebhooks'
import { startTarget, type Target, type TargetCall } from '../target/index.ts'
import type { Effect } from './oracle.ts'

/** Where the target is called by jobs, called by jobs that it takes work of, and told of outcomes. */
export const paths = { called: '/hook', later: '/later', told: '/told' }

export const webhookSecret = `whsec_${Buffer.from('the torture signs its deliveries').toString('base64')}`

/** A delivery that arrived. `by`: the process that sent it. */
export type Receipt = {
  id: string
  event: string
  runId: string
  by: string
  atMs: number
  isRefused: boolean
}

/** How so many of the first deliveries are answered. */
export type Refusal = { status: number; times: number }

/** The target as a witness: what reached it, with the instant on the clock of the world that is played. */
export type Witness = {
  target: Target
  /**
   * Forgets what came in, answers 200 again (202 where it takes work), and tells the time by `now` from here on.
   * `called`: told of each call before it is answered.
   */
  begin(
    now: () => Date,
    wish?: { called?: ((call: TargetCall) => void) | undefined; refuses?: Refusal | undefined },
  ): void
  effects(): Effect[]
  /** What it was told. @throws Error: a signature that the published library does not verify */
  receipts(): Receipt[]
  close(): Promise<void>
}

export async function startWitness(): Promise<Witness> {
  let now = () => new Date()
  let called: (call: TargetCall) => void = () => {}
  let instants: number[] = []
  let refused = 0
  const target = await startTarget({
    print() {
      instants.push(now().getTime())
      called(target.calls.at(-1) as TargetCall)
    },
  })
  const calls = () => target.calls.map((call, index) => ({ ...call, atMs: instants[index] ?? Number.NaN }))
  return {
    target,
    begin(clock, { called: listener = () => {}, refuses } = {}) {
      now = clock
      called = listener
      instants = []
      target.calls.length = 0
      target.behave(paths.called, { does: 'status' })
      refused = refuses?.times ?? 0
      target.behave(
        paths.told,
        refuses ? { does: 'status', value: refuses.status, times: refused } : { does: 'status' },
      )
      target.behave(paths.later, { does: 'status', value: 202 })
    },
    effects: () => calls().flatMap((call) => (call.path === paths.told ? [] : [effectOf(call)])),
    receipts: () =>
      calls()
        .filter(({ path }) => path === paths.told)
        .map((call, index) => ({ ...receiptOf(call), isRefused: index < refused })),
    close: () => target.close(),
  }
}

type Call = TargetCall & { atMs: number }

function effectOf({ headers, atMs }: Call): Effect {
  return {
    jobId: headers['x-chronos-job'] ?? '',
    slot: headers['x-chronos-slot'] ?? null,
    runId: headers['x-chronos-run'] ?? '',
    attempt: Number(headers['x-chronos-attempt']),
    fence: Number(headers['x-chronos-fence']),
    atMs,
  }
}

function receiptOf({ headers, body, atMs }: Call): Omit<Receipt, 'isRefused'> {
  const payload = new Webhook(webhookSecret).verify(body, headers) as Payload
  return {
    id: headers['webhook-id'] ?? '',
    event: payload.type,
    runId: payload.data.run.id,
    by: headers['user-agent'] ?? '',
    atMs,
  }
}

type Payload = { type: string; data: { run: { id: string } } }
