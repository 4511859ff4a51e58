import Type from 'typebox'
import { scopes } from '../../src/access/keys/index.ts'
import {
  distinct,
  expecting,
  instant,
  instantOut,
  instantOutOrNull,
  line,
  object,
  pageQuery,
  textOrNull,
} from './fields.ts'
import { projectOrAll } from './projects.ts'
import type { Operation } from './operation.ts'
import { bodyErrors, inputErrors } from './refusals.ts'

const keyId = Type.String({
  pattern: '^[0-9a-f]{12}$',
  ...expecting('12 lower-case hex digits'),
  examples: ['0a1b2c3d4e5f'],
})

const key = object(
  {
    id: keyId,
    name: Type.String(),
    scopes: Type.Array(Type.String()),
    project: Type.String({ description: 'the only project that it sees; `*`: all of them' }),
    created_by: Type.String({ description: 'the id of a key, or `API_KEY`' }),
    created_at: instantOut,
    expires_at: instantOutOrNull,
    last_used_at: instantOutOrNull,
    revoked_at: instantOutOrNull,
  },
  { title: 'Key' },
)

const keyInput = object(
  {
    name: line(200),
    scopes: distinct(Type.Enum([...scopes]), { minItems: 1, maxItems: scopes.length }),
    project: Type.Optional(projectOrAll),
    expires_at: Type.Optional(instant),
    expires_in_days: Type.Optional(Type.Integer({ minimum: 1, maximum: 3650 })),
  },
  { title: 'KeyInput', description: 'Without `expires_at` and `expires_in_days` it does not expire.' },
)

export const keyOperations = {
  'POST /api/keys': {
    id: 'createKey',
    scope: 'admin',
    summary: 'Make an API key; its secret is shown in this answer and never again',
    body: keyInput,
    status: 201,
    answerHeaders: ['Location'],
    answer: object({ key, secret: Type.String({ description: '`chr_…`' }) }),
    errors: [...bodyErrors, 'PROJECT_NOT_FOUND', 'PROJECT_REFUSED'],
  },
  'GET /api/keys': {
    id: 'listKeys',
    scope: 'admin',
    isLarge: true,
    summary: 'The API keys that were made, newest first; never what they open with',
    query: object(pageQuery),
    status: 200,
    answer: object({ keys: Type.Array(key), next_cursor: textOrNull }),
    errors: [...inputErrors, 'CURSOR_INVALID'],
  },
  'DELETE /api/keys/{id}': {
    id: 'revokeKey',
    scope: 'admin',
    summary: 'Revoke an API key; repeating it changes nothing',
    params: object({ id: keyId }),
    body: object({}),
    status: 200,
    answer: object({ key }),
    errors: [...bodyErrors, 'KEY_NOT_FOUND'],
  },
} satisfies Record<string, Operation>
