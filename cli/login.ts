import { createApi } from './api.ts'
import type { Context } from './context.ts'
import { exitCodes, type Io, Stop } from './io.ts'
import { nearest } from './nearest.ts'
import { baseOf, type Kept, profilesFile, readProfiles, writeProfiles } from './profile.ts'

export type LoginWish = { keyring: boolean }

/** Keeps the URL and the key of a service, after the service has taken the key. */
export async function login(context: Context, url: string, { keyring: mayUseKeyring }: LoginWish) {
  const { io, wished } = context
  const name = wished.profile ?? 'default'
  const project = wished.project ?? (io.env['CHRONOS_PROJECT'] || undefined)
  const base = baseOf(url)
  const key = (await keyFrom(io)).trim()
  if (key === '') throw new Stop('No key was given. Type it, or send it to standard input.', exitCodes.usage)
  const service = { url: base, ...(project !== undefined && project !== '*' && { project }) }
  const { version, projects = [] } = await createApi({ url: base, key }, io).call('GET', '/api/status')
  const known = (projects as { name: string }[]).map((one) => one.name)
  if (service.project !== undefined && !known.includes(service.project)) {
    const near = nearest(service.project, known)
    throw new Stop(
      `There is no project ${service.project}.${near === null ? '' : ` Did you mean ${near}?`}`,
      exitCodes.notFound,
    )
  }
  const isInRing = mayUseKeyring && (await isStored(io, { profile: name, url: base }, key))
  const kept: Kept = isInRing ? service : { ...service, key }
  const { profiles } = await readProfiles(io)
  const { [name]: former, ...others } = profiles
  if (former && former.key === undefined && !(isInRing && former.url === base))
    await io.keyring?.remove({ profile: name, url: former.url }).catch(() => {})
  await writeProfiles(io, { current: name, profiles: { ...others, [name]: kept } })
  const place = isInRing ? `${io.keyring?.name}` : profilesFile(io)
  const where = kept.project === undefined ? '' : `, in project ${kept.project}`
  context.show(
    { profile: name, ...service, version, key_in: isInRing ? 'keyring' : 'file' },
    () => `Logged in to ${base} (Chronos ${version}) as profile ${name}${where}. The key is in ${place}.\n`,
  )
}

async function keyFrom(io: Io): Promise<string> {
  return io.ask ? io.ask('API key: ', true) : io.read()
}

/** Whether the keyring has it and gives it back; if not, it is told why. */
async function isStored(io: Io, entry: { profile: string; url: string }, key: string): Promise<boolean> {
  const { keyring } = io
  if (!keyring) return false
  try {
    await keyring.write(entry, key)
    if ((await keyring.read(entry)) === key) return true
    io.err(`${keyring.name} does not give the key back; it is kept in a file.\n`)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    io.err(`The key is kept in a file, as there is no keyring (${why}).\n`)
  }
  return false
}

export async function logout(context: Context) {
  const { io, wished } = context
  const { current, profiles } = await readProfiles(io)
  const gone = wished.profile ?? (io.env['CHRONOS_PROFILE'] || current)
  const { [gone]: former, ...left } = profiles
  if (!former) throw new Stop(`No profile named ${gone}.`, exitCodes.notFound)
  if (former.key === undefined) await io.keyring?.remove({ profile: gone, url: former.url })
  const next = gone === current ? (Object.keys(left)[0] ?? 'default') : current
  await writeProfiles(io, { current: next, profiles: left })
  context.show(
    { profile: gone },
    () => `The key of profile ${gone} is forgotten here. Revoke it with \`chronos keys revoke\`.\n`,
  )
}
