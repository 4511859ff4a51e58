import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { exitCodes, type Io, Stop } from './io.ts'

export type Profile = { url: string; key: string }
type Profiles = { current: string; profiles: Record<string, Profile> }

/** Keys of services, in a file that only its owner may read (0600). */
export const profilesFile = ({ home, env }: Io) =>
  join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'chronos', 'profiles.json')

export async function readProfiles(io: Io): Promise<Profiles> {
  const text = await readFile(profilesFile(io), 'utf8').catch(() => null)
  return text === null ? { current: 'default', profiles: {} } : (JSON.parse(text) as Profiles)
}

/** Written beside and moved: a command that is cut off leaves the file whole, and no other user reads it in between. */
export async function writeProfiles(io: Io, profiles: Profiles): Promise<void> {
  const file = profilesFile(io)
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await writeFile(`${file}.new`, `${JSON.stringify(profiles, null, 2)}\n`, { mode: 0o600 })
  await rename(`${file}.new`, file)
}

/** `wished`: the profile that the command line names. The environment goes before profiles, as in CI. */
export async function profileOf(io: Io, wished: string | undefined): Promise<Profile> {
  const { CHRONOS_URL: url, CHRONOS_API_KEY: key, CHRONOS_PROFILE: named } = io.env
  if (url && key && wished === undefined) return { url: url.replace(/\/+$/, ''), key }
  const { current, profiles } = await readProfiles(io)
  const name = wished ?? named ?? current
  const found = profiles[name]
  if (found) return found
  throw new Stop(
    `No profile named ${name}. Run \`chronos login URL\`, or set CHRONOS_URL and CHRONOS_API_KEY.`,
    exitCodes.forbidden,
  )
}
