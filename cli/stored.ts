import { listAll } from './api.ts'
import type { Context } from './context.ts'
import { exitCodes, Stop } from './io.ts'
import { tableOf, whenOf } from './show.ts'

export async function listSecrets(context: Context) {
  const secrets = await listAll(await context.api(), '/api/secrets', 'secrets')
  context.show(secrets, () =>
    tableOf(
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
  const gone = await (await context.api()).call('DELETE', `/api/secrets/${encodeURIComponent(name)}`, {})
  context.show(gone, () => `${name} is removed.\n`)
}

export async function listChannels(context: Context) {
  const channels = await listAll(await context.api(), '/api/channels', 'channels')
  context.show(channels, () =>
    tableOf(
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
  const result = await (await context.api()).call(
    'POST',
    `/api/channels/${encodeURIComponent(name)}/test`,
    {},
  )
  context.show(result, () => `${name}: ${JSON.stringify(result)}\n`)
}

export async function removeChannel(context: Context, name: string) {
  const gone = await (await context.api()).call('DELETE', `/api/channels/${encodeURIComponent(name)}`, {})
  context.show(gone, () => `${name} is removed.\n`)
}

export async function listKeys(context: Context) {
  const keys = await listAll(await context.api(), '/api/keys', 'keys')
  context.show(keys, () =>
    tableOf(
      ['ID', 'NAME', 'SCOPES', 'LAST USED', 'STATE'],
      keys.map((one) => [
        one.id,
        one.name,
        one.scopes.join(' '),
        whenOf(one.last_used_at),
        one.revoked_at ? 'revoked' : 'good',
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

export async function revokeKey(context: Context, id: string) {
  const { key } = await (await context.api()).call('DELETE', `/api/keys/${encodeURIComponent(id)}`, {})
  context.show(key, () => `Key ${key.id} (${key.name}) is revoked.\n`)
}
