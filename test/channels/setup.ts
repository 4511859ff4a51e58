import { randomBytes } from 'node:crypto'
import { type Json, type Service, startService } from '../support/service.ts'

export const signingSecret = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD'
export const newerSecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

/** A service that may call loopback, and has a key to seal with. */
export function startSealing(env: Record<string, string> = {}): Promise<Service> {
  const sealing = { TARGET_ALLOW: '127.0.0.0/8', ENCRYPTION_KEY: randomBytes(32).toString('base64') }
  return startService({ clock: '2026-06-18T08:00:00Z', env: { ...sealing, ...env } })
}

export async function putChannel(service: Service, name: string, config: object): Promise<Json> {
  const { status, body } = await service.api('PUT', `/api/channels/${name}`, config)
  if (status !== 200 && status !== 201) throw new Error(`${status} ${JSON.stringify(body)}`)
  return body
}
