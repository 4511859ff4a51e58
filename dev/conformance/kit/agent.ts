import { createRemoteJWKSet, type JWTPayload, jwtVerify, type JWTHeaderParameters } from 'jose'
import { type Incoming, listen, readIncoming } from './http.ts'
import { at } from './json.ts'

export type Verified = { payload: JWTPayload; header: JWTHeaderParameters }

/** The agent that a timer service calls back: keeps every call, and answers as told. */
export async function createAgent(options: { publicUrl?: string; port?: number; host?: string } = {}) {
  const calls: Incoming[] = []
  const answers = new Map<string, (tries: number) => number>()
  const firsts = new Map<string, () => Promise<unknown>>()
  const listening = await listen((message, response) => {
    void readIncoming(message).then(async (incoming) => {
      calls.push(incoming)
      const jobId = String(at(incoming.body, 'job_id'))
      await firsts.get(jobId)?.()
      const status = answers.get(jobId)?.(callsOf(jobId).length) ?? 202
      response.writeHead(status, { 'Content-Type': 'application/json' }).end('{"status":"accepted"}')
      incoming.answeredAt = Date.now()
    })
  }, options)
  const callsOf = (jobId: string) => calls.filter((it) => at(it.body, 'job_id') === jobId)
  return {
    url: (options.publicUrl ?? listening.url).replace(/\/$/, ''),
    callsOf,
    /** The status of each try of this job's fires, counted from 1. */
    answer: (jobId: string, status: (tries: number) => number) => void answers.set(jobId, status),
    /** What is done before a fire of this job is answered. */
    during: (jobId: string, work: () => Promise<unknown>) => void firsts.set(jobId, work),
    close: listening.close,
  }
}

export type Agent = Awaited<ReturnType<typeof createAgent>>

/** The token of a fire, as an agent has to check it; throws what is wrong with it. */
export async function verifyFire(
  fire: Incoming,
  { jwksUrl, issuer, audience }: { jwksUrl: string; issuer: string; audience: string },
): Promise<Verified> {
  const token = /^Bearer (.+)$/.exec(fire.headers.authorization ?? '')?.[1] ?? ''
  const { payload, protectedHeader } = await jwtVerify(
    token,
    createRemoteJWKSet(new URL(jwksUrl), {
      headers: { 'User-Agent': 'chronos-conformance' },
    }),
    {
      issuer,
      audience,
      algorithms: ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'EdDSA'],
      requiredClaims: ['exp'],
    },
  )
  return { payload, header: protectedHeader }
}
