import { readJsonObject } from './json.ts'
import type { readers } from './config-values.ts'
import { requirePortalUrl } from './portal-url.ts'

export type CloudTasksConfig = {
  /** `projects/…/locations/…/queues/…` */
  queue: string | null
  key: GoogleKey | null
  /** The service account whose tokens fires bring. */
  caller: string | null
  url: string
  /** Where the keys of these tokens are published. */
  jwksUrl: string
  /** As `maxHorizonMs` of NAS. */
  maxHorizonMs: number
}

/** The key file of a service account. `written`: as it stands in the environment. */
export type GoogleKey = {
  email: string
  privateKey: string
  keyId: string | null
  tokenUrl: string
  written: string
}

/** A task may be 30 days ahead; a day less, for clocks that differ. */
const longestMs = 29 * 86_400_000

export function cloudTasks(
  { text, secret, integer, url }: Pick<ReturnType<typeof readers>, 'text' | 'secret' | 'integer' | 'url'>,
  problems: string[],
): CloudTasksConfig {
  const key = googleKey(secret('CLOUD_TASKS_KEY'), problems)
  return {
    queue: queue(text('CLOUD_TASKS_QUEUE'), problems),
    key,
    caller: text('CLOUD_TASKS_CALLER') ?? key?.email ?? null,
    url: url('CLOUD_TASKS_URL') ?? 'https://cloudtasks.googleapis.com',
    jwksUrl: url('CLOUD_TASKS_JWKS_URL') ?? 'https://www.googleapis.com/oauth2/v3/certs',
    maxHorizonMs: integer('CLOUD_TASKS_MAX_HORIZON', longestMs, 60_000, 30 * 86_400_000),
  }
}

function queue(name: string | null, problems: string[]): string | null {
  if (name === null || /^projects\/[^/\s]+\/locations\/[^/\s]+\/queues\/[^/\s]+$/.test(name)) return name
  problems.push(
    `CLOUD_TASKS_QUEUE must be the full name of a queue, projects/PROJECT/locations/LOCATION/queues/QUEUE, not "${name}"`,
  )
  return null
}

/** As JSON, or base64 of it, which some hosts need. An invalid one is never quoted. */
function googleKey(written: string | null, problems: string[]): GoogleKey | null {
  if (written === null) return null
  const file = readJsonObject(written.startsWith('{') ? written : Buffer.from(written, 'base64').toString())
  const field = (name: string) => (typeof file?.[name] === 'string' ? file[name] : null)
  const [email, privateKey] = [field('client_email'), field('private_key')]
  const tokenUrl = field('token_uri') ?? 'https://oauth2.googleapis.com/token'
  if (email && privateKey?.includes('PRIVATE KEY') && mayHaveSecrets(tokenUrl))
    return { email, privateKey, keyId: field('private_key_id'), tokenUrl, written }
  problems.push(
    'CLOUD_TASKS_KEY must be the JSON key file of a service account, with client_email and private_key, as text or as base64',
  )
  return null
}

function mayHaveSecrets(url: string): boolean {
  try {
    return requirePortalUrl(url).href !== ''
  } catch {
    return false
  }
}

/** What must never be seen of it: the file, and each line of the key. */
export function secretsOfKey(key: GoogleKey | null): string[] {
  if (!key) return []
  const lines = key.privateKey.split('\n').filter((line) => line.length >= 32 && !line.startsWith('-----'))
  return [key.written, key.privateKey, ...lines]
}
