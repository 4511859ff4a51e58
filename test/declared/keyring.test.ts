import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { type Keyring, keyringOf } from '../../cli/keyring.ts'
import { needPrograms } from '../support/programs.ts'
import { apiKey, type Service, startService } from '../support/service.ts'
import { terminalOf } from './terminal.ts'

let service: Service
let home: string
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'chronos-home-'))
  service = await startService()
})
after(async () => {
  await service.close()
  await rm(home, { recursive: true })
})

const profiles = async (folder = home) =>
  JSON.parse(await readFile(join(folder, '.config/chronos/profiles.json'), 'utf8')).profiles

/** A shell in a session of its own, with D-Bus; what it wrote. */
async function inSession(script: string, env: Record<string, string>) {
  needPrograms('dbus-run-session', 'gnome-keyring-daemon', 'secret-tool')
  const child = spawn('dbus-run-session', ['--', 'sh', '-c', script], {
    env: { PATH: process.env['PATH'], NODE: process.execPath, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
  return { out, err }
}

test('the key is in the keyring of the session, and the file has none', async () => {
  const folder = await mkdtemp(join(home, 'ring-'))
  const { out, err } = await inSession(
    `printf 'a password' | gnome-keyring-daemon --unlock --components=secrets > /dev/null
     printf '%s' "$KEY" | "$NODE" cli/main.ts login "$URL" --profile ring
     echo "== status"; "$NODE" cli/main.ts status
     echo "== stored"; secret-tool lookup service chronos profile ring url "$URL"; echo
     cp -r "$HOME/.config" "$HOME/kept"
     printf '%s' "$KEY" | "$NODE" cli/main.ts login "$URL" --profile ring --no-keyring
     echo "== after --no-keyring"; secret-tool lookup service chronos profile ring url "$URL"
     printf '%s' "$KEY" | "$NODE" cli/main.ts login "$URL" --profile ring > /dev/null
     "$NODE" cli/main.ts logout
     echo "== after logout"; secret-tool lookup service chronos profile ring url "$URL"
     XDG_CONFIG_HOME="$HOME/kept" "$NODE" cli/main.ts status; echo "code $?"`,
    { HOME: folder, KEY: apiKey, URL: service.url, XDG_RUNTIME_DIR: folder },
  )
  assert.match(out, /Logged in to .* as profile ring\. The key is in the system's keyring\./, out + err)
  assert.match(out, /== status\nok/)
  assert.ok(out.includes(`== stored\n${apiKey}\n`), out)
  assert.match(out, /The key is in .*profiles\.json\.\n== after --no-keyring/)
  assert.match(out, /== after logout\ncode 4\n/)
  assert.match(err, /The key of profile ring is no longer in the keyring/)
  const kept = JSON.parse(await readFile(join(folder, 'kept/chronos/profiles.json'), 'utf8'))
  assert.deepEqual(kept.profiles, { ring: { url: service.url } })
  assert.equal((out + err).split(apiKey).length, 2, 'the key is shown by the one look-up')
})

test('without a session the key is in the file, and the command says why', async () => {
  const child = spawn(process.execPath, ['cli/main.ts', 'login', service.url], {
    env: { PATH: process.env['PATH'], HOME: home, DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent' },
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  child.stdin.end(apiKey)
  assert.match(await text(child.stderr), /The key is kept in a file, as there is no keyring \(secret-tool/)
  assert.deepEqual(await profiles(), { default: { url: service.url, key: apiKey } })
})

test('a keyring that does not give the key back is not relied on, and one that is locked later is told', async () => {
  const forgets: Keyring = {
    ...{ name: 'a keyring', read: async () => null, write: async () => {}, remove: async () => {} },
  }
  const forgot = await terminalOf(home)(['login', service.url, '--profile', 'p'], {
    input: apiKey,
    keyring: forgets,
  })
  assert.match(forgot.err, /does not give the key back/)
  assert.equal((await profiles())['p'].key, apiKey)

  const kept = new Map<string, string>()
  const ring: Keyring = {
    name: 'a keyring',
    read: async ({ profile }) => kept.get(profile) ?? null,
    write: async ({ profile }, key) => void kept.set(profile, key),
    remove: async ({ profile }) => void kept.delete(profile),
  }
  await terminalOf(home)(['login', service.url, '--profile', 'p'], { input: apiKey, keyring: ring })
  assert.deepEqual([kept.get('p'), (await profiles())['p']], [apiKey, { url: service.url }])
  const locked = { ...ring, read: () => Promise.reject(new Error('it is locked')) }
  const { code, err } = await terminalOf(home)(['jobs'], { keyring: locked })
  assert.equal(code, 4)
  assert.match(err, /which cannot be read here: it is locked\. Log in again .*--no-keyring/)
})

test('the keychain of macOS gets the key by standard input, and not on a command line', async () => {
  const folder = await mkdtemp(join(home, 'bin-'))
  // in place of `security`: it keeps what it is told, and answers with the last password
  await writeFile(
    join(folder, 'security'),
    `#!/bin/sh
echo "$*" >> ${folder}/args
case $1 in
  -i) cat > ${folder}/input ;;
  find-generic-password) [ -e ${folder}/input ] || exit 44; echo 'the "key"' ;;
  delete-generic-password) rm ${folder}/input ;;
esac
`,
  )
  await chmod(join(folder, 'security'), 0o755)
  const { PATH } = process.env
  process.env['PATH'] = `${folder}:${PATH}`
  try {
    const keychain = keyringOf('darwin') ?? assert.fail()
    const entry = { profile: 'prod', url: 'https://cron.example' }
    assert.equal(await keychain.read(entry), null)
    await keychain.write(entry, String.raw`the "key" \n`)
    assert.equal(
      await readFile(join(folder, 'input'), 'utf8'),
      String.raw`"add-generic-password" "-U" "-s" "chronos" "-a" "prod https://cron.example" "-w" "the \"key\" \\n"` +
        '\n',
    )
    assert.equal(await keychain.read(entry), 'the "key"')
    await keychain.remove(entry)
    assert.equal(await keychain.read(entry), null)
    assert.ok(!(await readFile(join(folder, 'args'), 'utf8')).includes('"key"'))
  } finally {
    process.env['PATH'] = PATH
  }
})
