import { spawn } from 'node:child_process'

/** Where the system keeps secrets of a person: asked by its own program, as a library of it could not be in the one file. */
export type Keyring = {
  name: string
  /** @throws Error: it cannot be used here; why */
  read(entry: Entry): Promise<string | null>
  write(entry: Entry, secret: string): Promise<void>
  remove(entry: Entry): Promise<void>
}

/** Whose key it is. */
type Entry = { profile: string; url: string }

const service = 'chronos'

/** Null: none that is known on this system. */
export function keyringOf(platform: string): Keyring | null {
  if (platform === 'linux') return secretService
  return platform === 'darwin' ? keychain : null
}

/** GNOME Keyring, KWallet and others, by libsecret. The secret goes through standard input: others see a command line. */
const secretService: Keyring = {
  name: "the system's keyring",
  read: async (entry) => (await secretTool(['lookup', ...attributesOf(entry)])) || null,
  async write(entry, secret) {
    const label = `--label=Chronos: ${entry.profile}, ${entry.url}`
    await secretTool(['store', label, ...attributesOf(entry)], secret)
  },
  async remove(entry) {
    await secretTool(['clear', ...attributesOf(entry)])
  },
}

function attributesOf({ profile, url }: Entry): string[] {
  return ['service', service, 'profile', profile, 'url', url]
}

async function secretTool(args: string[], input = ''): Promise<string> {
  const { code, out, err } = await program('secret-tool', args, input)
  // 1 and no word: there is no such entry
  if (code !== 0 && (code !== 1 || err !== '')) throw problem('secret-tool', code, err)
  return out
}

const absent = 44

/** The keychain of macOS. A command that is read from standard input shows its secret to no other user. */
const keychain: Keyring = {
  name: 'the keychain',
  async read(entry) {
    const { code, out, err } = await program('security', ['find-generic-password', ...itemOf(entry), '-w'])
    if (code === absent) return null
    if (code !== 0) throw problem('security', code, err)
    return out.replace(/\n$/, '')
  },
  async write(entry, secret) {
    const words = ['add-generic-password', '-U', ...itemOf(entry), '-w', secret].map(quoted)
    const { code, err } = await program('security', ['-i'], `${words.join(' ')}\n`)
    if (code !== 0) throw problem('security', code, err)
  },
  async remove(entry) {
    const { code, err } = await program('security', ['delete-generic-password', ...itemOf(entry)])
    if (code !== 0 && code !== absent) throw problem('security', code, err)
  },
}

function itemOf({ profile, url }: Entry): string[] {
  return ['-s', service, '-a', `${profile} ${url}`]
}

const quoted = (word: string) => `"${word.replaceAll(/["\\]/g, String.raw`\$&`)}"`

/** Most programs begin what they say with their own name. */
function problem(name: string, code: number | null, said: string): Error {
  const why = said.startsWith(`${name}:`) ? said.slice(name.length + 1).trim() : said
  return new Error(`${name}: ${why || `exit code ${code}`}`)
}

/** A person may have to unlock it first. */
const patienceMs = 60_000

function program(
  name: string,
  args: string[],
  input = '',
): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(name, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: patienceMs })
    const written = { out: '', err: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => (written.out += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (written.err += text))
    child.on('error', (error: NodeJS.ErrnoException) =>
      reject(new Error(error.code === 'ENOENT' ? `${name} is not installed` : error.message)),
    )
    child.on('close', (code) => resolve({ code, out: written.out, err: written.err.trim() }))
    // one that ends without reading it says so by its exit code
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
}
