import Type from 'typebox'
import { expecting, instantOut, instantOutOrNull, object, pageQuery, textOrNull } from './fields.ts'
import type { Operation } from './operation.ts'
import { channelName, on, onWords, targetsFor, typesInWords } from './targets.ts'
import { bodyErrors, inputErrors } from './refusals.ts'

export const defaultOn = Type.Union([...on.anyOf, Type.Null()], {
  description: 'jobs that say nothing of deliveries tell this channel of these outcomes; null: of none',
  ...expecting(`${onWords}; or null`),
})

const channelInput = Type.Union([...targetsFor('channel', { default_on: Type.Optional(defaultOn) })], {
  title: 'ChannelInput',
  ...expecting(`an object with a "type" of ${typesInWords}`),
})

const channel = object(
  {
    name: channelName,
    type: Type.String(),
    default_on: Type.Union([Type.Array(Type.String()), Type.Null()]),
    summary: Type.Unknown({
      description: 'its receiver, without secrets; null: no configured encryption key decrypts it',
    }),
    disabled_at: instantOutOrNull,
    disabled_reason: textOrNull,
    last_error: textOrNull,
    last_error_at: instantOutOrNull,
    created_at: instantOut,
    updated_at: instantOut,
  },
  { title: 'Channel', description: 'Its secrets are never shown again.' },
)

const params = object({ name: channelName })

export const channelOperations = {
  'GET /api/channels': {
    id: 'listChannels',
    scope: 'jobs:read',
    isLarge: true,
    summary: 'The channels, by name',
    query: object(pageQuery),
    status: 200,
    answer: object({ channels: Type.Array(channel), next_cursor: textOrNull }),
    errors: [...inputErrors, 'CURSOR_INVALID'],
  },
  'GET /api/channels/{name}': {
    id: 'readChannel',
    scope: 'jobs:read',
    summary: 'One channel',
    params,
    status: 200,
    answer: object({ channel }),
    errors: [...inputErrors, 'CHANNEL_NOT_FOUND'],
  },
  'PUT /api/channels/{name}': {
    id: 'putChannel',
    scope: 'admin',
    summary: 'Make a channel (201), or replace it as a whole (200)',
    params,
    body: channelInput,
    status: 200,
    answerHeaders: ['Location'],
    madeStatus: 201,
    answer: object({
      channel,
      secret: Type.Optional(
        Type.String({ description: 'of a webhook that came without: made here, and shown this once' }),
      ),
    }),
    errors: [...bodyErrors, 'ENCRYPTION_KEY_MISSING', 'ENCRYPTION_KEY_WRONG', 'SECRET_UNREADABLE'],
  },
  'DELETE /api/channels/{name}': {
    id: 'removeChannel',
    scope: 'admin',
    summary: 'Remove a channel that no job names',
    params,
    body: object({}),
    status: 200,
    answer: object({ ok: Type.Literal(true), name: channelName }),
    errors: [...bodyErrors, 'CHANNEL_NOT_FOUND', 'CHANNEL_IN_USE'],
  },
  'POST /api/channels/{name}/test': {
    id: 'testChannel',
    scope: 'admin',
    summary: 'Send a test message now; one that arrives switches the channel on again',
    params,
    body: object({}),
    status: 200,
    answer: object({
      delivered: Type.Boolean(),
      error: Type.Optional(Type.Object({ code: Type.String(), message: Type.String() })),
    }),
    errors: [...bodyErrors, 'CHANNEL_NOT_FOUND', 'ENCRYPTION_KEY_MISSING', 'SECRET_UNREADABLE'],
  },
} satisfies Record<string, Operation>
