import Type from 'typebox'
import { expecting, instantOut, object, pageQuery, textOrNull } from './fields.ts'
import type { Operation } from './operation.ts'
import { bodyErrors, inputErrors } from './refusals.ts'

/** Less would be found in ordinary text everywhere, when secrets are removed from output. */
const leastLength = 8
const mostBytes = 16 * 1024

const secretName = Type.String({
  pattern: '^[A-Z][A-Z0-9_]{0,63}$',
  ...expecting('capital letters, digits and underscores, 64 at most, a letter first'),
  examples: ['GITHUB_TOKEN'],
})

const secret = object(
  {
    name: secretName,
    version: Type.Integer({ description: '1, and one more with each new value' }),
    key_id: Type.String({ description: 'tells encryption keys apart; says nothing about them' }),
    created_at: instantOut,
    updated_at: instantOut,
  },
  { title: 'Secret', description: 'The value is never shown again.' },
)

const secretInput = object(
  {
    value: Type.Refine(
      Type.String({
        writeOnly: true,
        minLength: leastLength,
        maxLength: mostBytes,
        ...expecting(
          `a string of at least ${leastLength} characters besides blanks at its ends, and of at most ${mostBytes} bytes`,
        ),
      }),
      (value) => value.trim().length >= leastLength && Buffer.byteLength(value) <= mostBytes,
    ),
  },
  { title: 'SecretInput' },
)

const secretParams = object({ name: secretName })
export const secretOperations = {
  'GET /api/secrets': {
    id: 'listSecrets',
    scope: 'admin',
    isLarge: true,
    summary: 'The names of all secrets; never their values',
    query: object(pageQuery),
    status: 200,
    answer: object({ secrets: Type.Array(secret), next_cursor: textOrNull }),
    errors: [...inputErrors, 'CURSOR_INVALID'],
  },
  'PUT /api/secrets/{name}': {
    id: 'putSecret',
    scope: 'admin',
    summary: 'Store a secret (201), or give it a new value (200)',
    params: secretParams,
    body: secretInput,
    status: 200,
    answerHeaders: ['Location'],
    madeStatus: 201,
    answer: object({ secret }),
    errors: [...bodyErrors, 'ENCRYPTION_KEY_MISSING', 'ENCRYPTION_KEY_WRONG'],
  },
  'DELETE /api/secrets/{name}': {
    id: 'removeSecret',
    scope: 'admin',
    summary: 'Remove a secret that no job mentions; channels are not looked at',
    params: secretParams,
    body: object({}),
    status: 200,
    answer: object({ ok: Type.Literal(true), name: secretName }),
    errors: [...bodyErrors, 'SECRET_NOT_FOUND', 'SECRET_IN_USE'],
  },
  'POST /api/secrets/rotate': {
    id: 'rotateSecrets',
    scope: 'admin',
    summary: 'Seal with the current encryption key what an older one sealed',
    body: object({}),
    status: 200,
    answer: object({
      key_id: Type.String(),
      resealed: Type.Integer(),
      unreadable: Type.Array(Type.String(), {
        description: 'what no key given here opens, such as `secret:NAME`; left as it is',
      }),
      left: Type.Integer({ description: 'above 0: values changed meanwhile; repeat the call' }),
    }),
    errors: [...bodyErrors, 'ENCRYPTION_KEY_MISSING', 'ENCRYPTION_KEY_WRONG'],
  },
} satisfies Record<string, Operation>
