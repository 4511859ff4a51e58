import { hkdfSync } from 'node:crypto'
import { createSeal } from '../vault/seal/index.ts'

/** What the page's cookie says: who has signed in, by the id of their key, and until when. */
export type Session = { keyId: string; expiresAt: Date }

/**
 * Sessions of the page. None is stored: its text is sealed, and whatever may change (is the key revoked, what may it do) is
 * asked of the key at each call. So a session outlives this process, and every machine of the service knows it.
 */
export type Sessions = {
  /** A new session, as the text of its cookie. */
  open(keyId: string): Session & { text: string }
  /** Null: not made by this service, altered, or over. */
  read(text: string): Session | null
  /** For a link that signs in once with the key of the environment: good for ten minutes. */
  makeToken(): string
  /** True once for each token that is good; each process remembers its own. */
  spend(token: string): boolean
}

type SessionsNeeds = { apiKey: string; encryptionKey: Buffer | null; now: () => Date }

const sessionMs = 12 * 3_600_000
const tokenMs = 10 * 60_000

/**
 * The sealing key comes from the two secrets of the environment, which all machines of a service have and keep: a reader
 * of the database can make no session. With another API_KEY or ENCRYPTION_KEY all sessions are over.
 */
export function createSessions({ apiKey, encryptionKey, now }: SessionsNeeds): Sessions {
  const key = hkdfSync('sha256', apiKey, encryptionKey ?? '', 'chronos session', 32)
  const seal = createSeal(Buffer.from(key))
  const spent = new Set<string>()

  function make(kind: 'session' | 'token', keyId: string, livesMs: number) {
    const expiresAt = new Date(now().getTime() + livesMs)
    return { keyId, expiresAt, text: seal.seal(`${keyId} ${expiresAt.getTime()}`, kind) }
  }

  function read(kind: 'session' | 'token', text: string): Session | null {
    const [keyId = '', until = ''] = opened(text, kind).split(' ')
    const expiresAt = new Date(Number(until))
    return expiresAt > now() ? { keyId, expiresAt } : null
  }

  function opened(text: string, kind: string): string {
    try {
      return seal.open(text, kind)
    } catch {
      return ''
    }
  }

  return {
    open: (keyId) => make('session', keyId, sessionMs),
    read: (text) => read('session', text),
    makeToken: () => make('token', 'API_KEY', tokenMs).text,
    spend(token) {
      if (!read('token', token) || spent.has(token)) return false
      spent.add(token)
      return true
    },
  }
}
