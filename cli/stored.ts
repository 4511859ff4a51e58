import { type Api, type Json, listAll, orSuggest } from './api.ts'
import type { Context } from './context.ts'
import { exitCodes, Stop } from './io.ts'
import { nearest } from './nearest.ts'
import { listOf, whenOf } from './show.ts'

export async function listSecrets(context: Context) {
  const secrets = await listAll(await context.api(), '/api/secrets', 'secrets')
  context.show(secrets, () =>
    listOf(
      'No secrets.',
      ['NAME', 'VERSION', 'CHANGED'],
      secrets.map((one) => [one.name, String(one.version), whenOf(one.updated_at)]),
    ),
  )
}

/** The value never stands on a command line, where other users and the history see it. */
export async function setSecret(context: Context, name: string) {
  const { io } = context
  const given = io.ask ? await io.ask(`Value of ${name}: `, true) : await io.read()
  // a shell's echo and most editors end a text with a line break that is not meant
  const value = given.replace(/\r?\n$/, '')
  const { secret } = await (await context.api()).call('PUT', `/api/secrets/${encodeURIComponent(name)}`, {
    value,
  })
  context.show(
    secret,
    () => `${secret.name} is stored (version ${secret.version}). Name it as {{secrets.${secret.name}}}.\n`,
  )
}

export async function removeSecret(context: Context, name: string) {
  const api = await context.api()
  const asked = api.call('DELETE', `/api/secrets/${encodeURIComponent(name)}`, {})
  const gone = await orSuggest(asked, name, () => namesOf(api, 'secrets'))
  context.show(gone, () => `${name} is removed.\n`)
}

export async function listChannels(context: Context) {
  const channels = await listAll(await context.api(), '/api/channels', 'channels')
  context.show(channels, () =>
    listOf(
      'No channels.',
      ['NAME', 'TYPE', 'BY DEFAULT', 'STATE'],
      channels.map((one) => [
        one.name,
        one.type,
        one.default_on?.join(' ') ?? '–',
        one.disabled_at ? `disabled: ${one.disabled_reason}` : (one.last_error ?? 'in use'),
      ]),
    ),
  )
}

/** Its configuration holds tokens, so it comes from standard input, as JSON. */
export async function setChannel(context: Context, name: string) {
  const text = await context.io.read()
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    throw new Stop(
      'Standard input has to be the channel as JSON, such as {"type":"slack","url":"…"}.',
      exitCodes.usage,
    )
  }
  const { channel, secret } = await (await context.api()).call(
    'PUT',
    `/api/channels/${encodeURIComponent(name)}`,
    body,
  )
  context.show(
    { channel, ...(secret && { secret }) },
    () => `${channel.name} is stored.${secret ? ` Its signing secret, shown this once: ${secret}` : ''}\n`,
  )
}

export async function testChannel(context: Context, name: string) {
  const api = await context.api()
  const asked = api.call('POST', `/api/channels/${encodeURIComponent(name)}/test`, {})
  const result = await orSuggest(asked, name, () => namesOf(api, 'channels'))
  context.show(result, () =>
    result.delivered
      ? `${name} has taken the message.\n`
      : `${name} has not taken it: ${result.error.message} (${result.error.code})\n`,
  )
  if (!result.delivered) throw new Stop('', exitCodes.failed)
}

export async function removeChannel(context: Context, name: string) {
  const api = await context.api()
  const asked = api.call('DELETE', `/api/channels/${encodeURIComponent(name)}`, {})
  const gone = await orSuggest(asked, name, () => namesOf(api, 'channels'))
  context.show(gone, () => `${name} is removed.\n`)
}

export async function listKeys(context: Context) {
  const keys = await listAll(await context.api(), '/api/keys', 'keys')
  context.show(keys, () =>
    listOf(
      'No keys.',
      ['ID', 'NAME', 'PROJECT', 'SCOPES', 'LAST USED', 'STATE'],
      keys.map((one) => [
        one.id,
        one.name,
        one.project,
        one.scopes.join(' '),
        whenOf(one.last_used_at),
        stateOf(one),
      ]),
    ),
  )
}

export async function makeKey(
  context: Context,
  name: string,
  { scope, days }: { scope: string[]; days?: number },
) {
  const wish = { name, scopes: scope, ...(days !== undefined && { expires_in_days: days }) }
  const made = await (await context.api()).call('POST', '/api/keys', wish)
  // alone on its line, so that it can be piped
  context.io.err(`Key ${made.key.id}. Its secret is shown this once:\n`)
  context.show(made, () => `${made.secret}\n`)
}

/** By its id or its name. */
export async function revokeKey(context: Context, named: string) {
  const api = await context.api()
  const id = /^[0-9a-f]{12}$/.test(named) ? named : await idOfKey(api, named)
  const { key } = await api.call('DELETE', `/api/keys/${id}`, {})
  context.show(key, () => `Key ${key.id} (${key.name}) is revoked.\n`)
}

async function idOfKey(api: Api, name: string): Promise<string> {
  const keys = (await listAll(api, '/api/keys', 'keys')).filter((one) => !one.revoked_at)
  const found = keys.filter((one) => one.name === name)
  if (found.length === 1) return found[0].id
  if (found.length > 1)
    throw new Stop(
      `${found.length} keys are named ${name}: ${found.map((one) => one.id).join(', ')}. Name one by its id.`,
      exitCodes.conflict,
    )
  const near = nearest(
    name,
    keys.map((one) => one.name as string),
  )
  throw new Stop(
    `No key with the id or the name ${name}.${near === null ? '' : ` Did you mean ${near}?`}`,
    exitCodes.notFound,
  )
}

function stateOf({ revoked_at: revoked, expires_at: expires }: Json): string {
  if (revoked) return 'revoked'
  if (!expires) return 'good'
  return Date.parse(expires) > Date.now() ? `expires ${whenOf(expires)}` : 'expired'
}

async function namesOf(api: Api, what: 'secrets' | 'channels'): Promise<string[]> {
  return (await listAll(api, `/api/${what}`, what)).map((one) => one.name as string)
}
