import Type from 'typebox'
import { scopes } from '../../src/access/keys/index.ts'
import { instantOut, object, textOrNull } from './fields.ts'
import type { Operation } from './operation.ts'
import { bodyErrors } from './refusals.ts'

const session = object(
  {
    key: Type.String({ description: 'the id of the key that signed in, or `API_KEY`' }),
    name: Type.String({ description: 'of the key' }),
    scopes: Type.Array(Type.Enum([...scopes]), { description: 'those that the key has now' }),
    may: Type.Array(Type.Enum([...scopes]), { description: 'the scopes whose operations these allow' }),
    project: { ...textOrNull, description: 'the only one that the key sees; null: all' },
    expires_at: instantOut,
  },
  { title: 'Session' },
)

const credential = Type.String({ minLength: 1, maxLength: 512 })

const sessionInput = object(
  {
    key: Type.Optional(credential),
    token: Type.Optional({ ...credential, description: 'of the link that `npm start` prints; once' }),
  },
  { title: 'SessionInput', description: 'Either `key` or `token`.', examples: [{ key: 'chr_…' }] },
)

/** For the page: a key is exchanged for a cookie, which scripts cannot read. */
export const sessionOperations = {
  'POST /api/session': {
    id: 'signIn',
    summary: 'Exchange an API key for the cookie of the page: 12 hours, and no longer than its key',
    body: sessionInput,
    status: 201,
    answer: session,
    errors: [
      ...bodyErrors,
      'API_KEY_REJECTED',
      'SESSION_REJECTED',
      'NOT_FROM_PAGE',
      'RATE_LIMITED',
      'DATABASE_UNAVAILABLE',
    ],
  },
  'GET /api/session': {
    id: 'readSession',
    summary: 'Who is signed in with the cookie',
    status: 200,
    answer: session,
    errors: ['SESSION_REJECTED', 'DATABASE_UNAVAILABLE'],
  },
  'DELETE /api/session': {
    id: 'signOut',
    summary: 'Take the cookie back; repeating it changes nothing',
    status: 204,
    answer: 'text/plain',
    errors: ['NOT_FROM_PAGE'],
  },
} satisfies Record<string, Operation>
