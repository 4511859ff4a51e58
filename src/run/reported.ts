import type { Store } from '../../db/index.ts'
import type { Report } from './callback.ts'
import type { CallbackAddress, CallbackClaims } from './callback-address.ts'
import { createRedactor } from '../redact/index.ts'
import type { Secrets } from '../vault/secrets.ts'
import { namesIn } from '../template/index.ts'

type ReportedNeeds = {
  store: Pick<Store, 'look'>
  secrets: () => Promise<Pick<Secrets, 'exists' | 'read'>>
  /** Values that no run may show, used or not. */
  always: readonly string[]
  url: CallbackAddress['url']
}

const secretStart = 'secrets.'

/**
 * A late report without the secrets that its target was sent. The attempt is over, perhaps in another process, so they
 * are the address that it reports to, and those that the job names now: a value that was replaced since is not known any more.
 *
 * @throws AppError as `Secrets.read`: what cannot be looked for is not kept.
 */
export async function withoutSecrets(
  { store, secrets, always, url }: ReportedNeeds,
  claims: CallbackClaims,
  { state, output, message }: Report,
): Promise<Report> {
  const look = await store.look(claims.jobId)
  const names = [...namesIn(look?.authored.action)].filter((name) => name.startsWith(secretStart))
  const values = await readThose(
    names.map((name) => name.slice(secretStart.length)),
    secrets,
  )
  const { text } = createRedactor([...always, ...values, url(claims)])
  // both were cut at their limits
  const hidden = (given: string | null) => (given === null ? null : text(given, { isCut: true }))
  return { state, output: hidden(output), message: hidden(message) }
}

async function readThose(names: string[], secrets: ReportedNeeds['secrets']): Promise<Iterable<string>> {
  if (names.length === 0) return []
  const store = await secrets()
  return (await store.read(await store.exists(names))).values()
}
