import { createApi } from './api.ts'
import type { Context } from './context.ts'
import { exitCodes, type Io, Stop } from './io.ts'
import { profilesFile, readProfiles, writeProfiles } from './profile.ts'

/** Keeps the URL and the key of a service, after the service has taken the key. */
export async function login(context: Context, url: string, name: string) {
  const { io } = context
  if (!/^https?:\/\/[^/]/.test(url)) throw new Stop(`${url} is no http or https URL.`, exitCodes.usage)
  const key = (await keyFrom(io)).trim()
  const profile = { url: url.replace(/\/+$/, ''), key }
  const { version } = await createApi(profile, io).call('GET', '/api/status')
  const { profiles } = await readProfiles(io)
  await writeProfiles(io, { current: name, profiles: { ...profiles, [name]: profile } })
  context.show(
    { profile: name, url: profile.url, version },
    () =>
      `Logged in to ${profile.url} (Chronos ${version}) as profile ${name}. The key is in ${profilesFile(io)}.\n`,
  )
}

async function keyFrom(io: Io): Promise<string> {
  return io.ask ? io.ask('API key: ', true) : io.read()
}

export async function logout(context: Context, name: string | undefined) {
  const { current, profiles } = await readProfiles(context.io)
  const gone = name ?? current
  if (!profiles[gone]) throw new Stop(`No profile named ${gone}.`, exitCodes.notFound)
  const { [gone]: _, ...left } = profiles
  await writeProfiles(context.io, { current: Object.keys(left)[0] ?? 'default', profiles: left })
  context.show(
    { profile: gone },
    () => `The key of profile ${gone} is forgotten here. Revoke it with \`chronos keys revoke\`.\n`,
  )
}
