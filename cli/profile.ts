import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { exitCodes, type Io, Stop } from './io.ts'
import { nearest } from './nearest.ts'

/** A service, and how it is called. `project`: of the calls; without it the key decides. */
export type Profile = { url: string; key: string; project?: string }
/** What each call of the service carries. */
export function headersOf({ key, project }: Profile): Record<string, string> {
  return { authorization: `Bearer ${key}`, ...(project !== undefined && { 'chronos-project': project }) }
}

/** As it is kept. Without a key: the keyring has it. */
export type Kept = Omit<Profile, 'key'> & { key?: string }
type Profiles = { current: string; profiles: Record<string, Kept> }

/** What the command line says of it. */
export type Wished = { profile?: string | undefined; project?: string | undefined }

/** Keys of services, in a file that only its owner may read (0600). */
export const profilesFile = ({ home, env }: Io) =>
  join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'chronos', 'profiles.json')

export async function readProfiles(io: Io): Promise<Profiles> {
  const file = profilesFile(io)
  const text = await readFile(file, 'utf8').catch(() => null)
  if (text === null) return { current: 'default', profiles: {} }
  try {
    return JSON.parse(text) as Profiles
  } catch {
    throw new Stop(`${file} is no JSON. Remove it, and run \`chronos login URL\` again.`, exitCodes.forbidden)
  }
}

/** Written beside and moved: a command that is cut off leaves the file whole, and no other user reads it in between. */
export async function writeProfiles(io: Io, profiles: Profiles): Promise<void> {
  const file = profilesFile(io)
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await writeFile(`${file}.new`, `${JSON.stringify(profiles, null, 2)}\n`, { mode: 0o600 })
  await rename(`${file}.new`, file)
}

/** The environment goes before profiles, as in CI; the command line before both. @throws Stop */
export async function profileOf(io: Io, { profile: wished, project }: Wished): Promise<Profile> {
  const { CHRONOS_URL: url, CHRONOS_API_KEY: key, CHRONOS_PROFILE: named } = io.env
  if (url && key && wished === undefined) return inProject(io, { url: baseOf(url), key }, project)
  const { current, profiles } = await readProfiles(io)
  const name = wished ?? (named || current)
  const found = profiles[name]
  if (!found) throw new Stop(`${noProfile(name, profiles)} ${howToLogIn}`, exitCodes.forbidden)
  return inProject(io, { ...found, key: found.key ?? (await keyInRing(io, name, found)) }, project)
}

const howToLogIn = 'Run `chronos login URL`, or set CHRONOS_URL and CHRONOS_API_KEY.'

function noProfile(name: string, profiles: Record<string, Kept>): string {
  const names = Object.keys(profiles)
  if (names.length === 0) return 'There is no login yet.'
  const near = nearest(name, names)
  return `No profile named ${name}.${near === null ? ` There are: ${names.join(', ')}.` : ` Did you mean ${near}?`}`
}

async function keyInRing({ keyring }: Io, profile: string, { url }: Kept): Promise<string> {
  const how = `Log in again (chronos login ${url} --profile ${profile}, with --no-keyring to keep the key in a file), or set CHRONOS_URL and CHRONOS_API_KEY.`
  const key = await (keyring?.read({ profile, url }) ?? null)?.catch((error: Error) => {
    throw new Stop(
      `The key of profile ${profile} is in ${keyring?.name}, which cannot be read here: ${error.message}. ${how}`,
      exitCodes.forbidden,
    )
  })
  if (key) return key
  throw new Stop(`The key of profile ${profile} is no longer in the keyring. ${how}`, exitCodes.forbidden)
}

/** `*`: all projects that the key sees, whatever the login says. */
function inProject(io: Io, { project: kept, ...profile }: Profile, wished: string | undefined): Profile {
  const project = wished ?? (io.env['CHRONOS_PROJECT'] || kept)
  return project === undefined || project === '*' ? profile : { ...profile, project }
}

/** A service that a URL names, with the key of the environment or of a login there. @throws Stop */
export async function profileAt(io: Io, url: string, { project }: Wished): Promise<Profile> {
  const base = baseOf(url)
  const key = io.env['CHRONOS_API_KEY'] || io.env['API_KEY']
  if (key) return inProject(io, { url: base, key }, project)
  const { profiles } = await readProfiles(io)
  const [name] = Object.entries(profiles).find(([, one]) => one.url === base) ?? []
  if (name !== undefined) return profileOf(io, { profile: name, project })
  throw new Stop(`There is no key for ${base}. Set CHRONOS_API_KEY, or log in there.`, exitCodes.usage)
}

/** @throws Stop: no URL of a service */
export function baseOf(url: string): string {
  if (/^https?:\/\/[^/]/.test(url) && URL.canParse(url)) return url.replace(/\/+$/, '')
  throw new Stop(`${url} is no URL of a service. Write it as https://cron.example.`, exitCodes.usage)
}
