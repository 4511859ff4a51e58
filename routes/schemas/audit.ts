import Type from 'typebox'
import { cursor, instantOut, limit, object, orNull, textOrNull } from './fields.ts'
import type { Operation } from './operation.ts'

type ChangedField = { of: string | null; field: string; before: unknown; after: unknown }

const changedField = object({
  of: { ...textOrNull, description: 'the key of the job, in a change of many' },
  field: Type.String(),
  before: Type.Unknown({ description: 'credentials are masked; a long value is the beginning of its text' }),
  after: Type.Unknown(),
})

const entry = object(
  {
    id: Type.Integer(),
    at: instantOut,
    actor: Type.String({ description: 'the id of a key, or `API_KEY`' }),
    actor_name: { ...textOrNull, description: 'what that key is called; null: `API_KEY`' },
    action: Type.String({ description: 'the `operationId` of what was asked for' }),
    target: { ...textOrNull, description: 'the ids in the path, or of what was made' },
    target_name: {
      ...textOrNull,
      description:
        'what the job, the key, or the job of the run was called then; null: not known, or `target` is a name',
    },
    project: { ...textOrNull, description: 'whose change it is; null: of the whole service' },
    status: orNull<number>('integer', { description: 'how it was answered; null: not known' }),
    request_id: textOrNull,
    fields: Type.Unsafe<string[] | null>({
      type: ['array', 'null'],
      items: { type: 'string' },
      description: 'names of the fields that were sent; null: no body was read',
    }),
    changed: Type.Unsafe<ChangedField[] | null>({
      type: ['array', 'null'],
      items: changedField,
      description: 'the fields that differ afterwards; null: not known, or nothing that has fields',
    }),
    changed_left_out: Type.Integer({ description: 'so many more fields were changed than are kept' }),
  },
  { title: 'AuditEntry' },
)

const filter = Type.Optional(Type.String({ minLength: 1, maxLength: 100 }))

export const auditOperations = {
  'GET /api/audit': {
    id: 'listAudit',
    scope: 'admin',
    isLarge: true,
    summary: 'Every change that was asked for, newest first',
    query: object({
      limit: Type.Optional(limit(100)),
      cursor: Type.Optional(cursor),
      actor: filter,
      action: filter,
    }),
    status: 200,
    answer: object({ entries: Type.Array(entry), next_cursor: orNull<string>('string', {}) }),
    errors: ['FIELD_INVALID', 'FIELD_UNKNOWN', 'CURSOR_INVALID'],
  },
} satisfies Record<string, Operation>
