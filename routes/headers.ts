import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { AppError, fieldRefused } from '../src/ground/errors.ts'
import { canonicalJson } from '../src/ground/json.ts'
import { nameIn } from '../src/ground/project.ts'
import { callerOf, projectToUse } from './access.ts'

/**
 * The key and a hash of its body, so that one key cannot stand for two bodies; null: no key was sent. It is the
 * API key's own, in each project: what another caller has sent under the same text is neither seen nor met.
 */
export function idempotencyKey(request: FastifyRequest): { key: string; bodyHash: string } | null {
  const key = request.headers['idempotency-key']
  if (key === undefined) return null
  if (typeof key !== 'string' || !/^[\x20-\x7e]{1,255}$/.test(key))
    throw fieldRefused('Idempotency-Key', 'must be 1 to 255 printable ASCII characters')
  const bodyHash = createHash('sha256').update(canonicalJson(request.body)).digest('hex')
  return { key: `${nameIn(projectToUse(request), callerOf(request)?.id ?? '')} ${key}`, bodyHash }
}

/**
 * The version in `If-Match`; null: none was sent, or `*`. Weak and bare tags count as well: proxies weaken tags, and
 * the job's `version` is the number alone.
 */
export function ifMatch(request: FastifyRequest): number | null {
  const header = request.headers['if-match']?.trim()
  if (header === undefined || header === '*') return null
  const version = /^(?:W\/)?(?:"(\d{1,15})"|(\d{1,15}))$/.exec(header)
  if (version) return Number(version[1] ?? version[2])
  if (/^(?:W\/)?"[^"]*"$/.test(header))
    throw new AppError(
      'VERSION_CONFLICT',
      'If-Match does not match any version of this job. Read the job again and send its ETag.',
    )
  throw fieldRefused('If-Match', 'must be the ETag of the job, or *')
}
