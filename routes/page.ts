import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { PageFile } from '../src/process/page-files.ts'
import { AppError } from '../src/ground/errors.ts'
import { isTagOf } from './etag.ts'
import type { RouteNeeds } from './needs.ts'
import { answerNotFound } from './problem.ts'

/** The page itself reads which of these it was opened with. */
const views = [
  ...['/', '/jobs', '/jobs/:id', '/runs/:id', '/make'],
  ...['/channels', '/secrets', '/keys', '/audit', '/cost', '/projects'],
]
const asset = '/assets/:file'

/** What is no part of the API. @internal Exported for tests. */
export const pagePaths = [...views, asset]

/**
 * Scripts and styles from here and from nowhere else, none of them inside the HTML; calls to this service alone; no frame
 * in it nor around it; no form that is sent without a script; and no text that becomes HTML (Trusted Types).
 */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

const ofThePage = {
  'content-security-policy': policy,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
}
const forever = 'public, max-age=31536000, immutable'
/** A copy is kept, and asked for again each time. */
const askAgain = 'no-cache'

type PageNeeds = Pick<RouteNeeds, 'page'>

/** The page, for anyone: it shows nothing before a person signs in. Its files are read with the first call. */
export function pageRoutes(scope: FastifyInstance, needs: PageNeeds): void {
  for (const path of views)
    scope.get(path, async (request, reply) => {
      const { index } = await filesOf(needs)
      reply.headers(ofThePage)
      return send(index, askAgain, request, reply)
    })

  scope.get(asset, async (request, reply) => {
    const { assets } = await filesOf(needs)
    const { file = '' } = request.params as { file?: string }
    const found = assets.get(file)
    if (!found) return answerNotFound(request, reply)
    reply.header('cross-origin-resource-policy', 'same-origin')
    return send(found, forever, request, reply)
  })
}

async function filesOf({ page }: PageNeeds) {
  const files = await page()
  if (files) return files
  const detail =
    'This process has no page: the folder "web" beside its program is not there. `npm run build` makes it. The API works without it; /openapi.json describes it.'
  throw new AppError('PAGE_NOT_BUILT', detail)
}

function send(
  file: PageFile,
  cacheControl: string,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  reply.headers({ etag: file.etag, 'cache-control': cacheControl, vary: 'Accept-Encoding' })
  if (isTagOf(file.etag, request.headers['if-none-match'])) return reply.code(304).send()
  const [coding, bytes] = smallest(file, request.headers['accept-encoding'] ?? '')
  if (coding) reply.header('content-encoding', coding)
  return reply.type(file.type).send(bytes)
}

function smallest(
  { plain, brotli, gzip }: PageFile,
  accepted: string,
): [coding: string | null, bytes: Buffer] {
  if (brotli && /\bbr\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(accepted)) return ['br', brotli]
  if (gzip && /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(accepted)) return ['gzip', gzip]
  return [null, plain]
}
