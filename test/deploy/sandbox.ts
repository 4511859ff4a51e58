import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { TestContext } from 'node:test'

/** What the stand-ins were told. */
export type Told = {
  calls: string[]
  app?: string
  worker?: string
  adminSecret?: string
  secrets: Record<string, string>
  machines: string[]
}

export type Sandbox = {
  /** A copy of what people have in their clone. */
  folder: string
  /** Stands for `/`: what `sudo` has written. */
  root: string
  /** Runs the commands in one shell; variables stay from block to block. Its output. @throws Error: a command failed. */
  run(code: string): Promise<string>
  set(variables: Record<string, string>): void
  variable(name: string): string
  told(): Promise<Told>
}

/** Programs of other people, and `npm`: what stands in for each checks how it is called. */
export const programs = ['fly', 'npx', 'docker', 'npm', 'sudo', 'openssl', 'journalctl', 'jq', 'curl', 'git']
const copied = ['fly.toml', 'compose.yaml', 'Dockerfile', 'package.json', 'deploy', 'relay/worker']

/** A clone in a folder of its own, in which the programs of other people are stand-ins. */
export async function createSandbox(context: TestContext): Promise<Sandbox> {
  const base = await mkdtemp(join(tmpdir(), 'chronos-deploy-'))
  context.after(() => rm(base, { recursive: true, force: true }))
  const [folder, bin, root, notes] = ['clone', 'bin', 'root', 'notes'].map((name) => join(base, name)) as [
    string,
    string,
    string,
    string,
  ]
  for (const each of [folder, bin, root, notes, join(folder, 'node_modules/node/bin')])
    await mkdir(each, { recursive: true })
  for (const path of copied) await cp(path, join(folder, path), { recursive: true })
  await cp(process.execPath, join(folder, 'node_modules/node/bin/node'))
  const standIn = resolve('test/deploy/stand-in.ts')
  for (const name of programs)
    await writeFile(join(bin, name), `#!/bin/sh\nexec "${process.execPath}" "${standIn}" ${name} "$@"\n`, {
      mode: 0o755,
    })
  const stateFile = join(notes, 'state.json')
  await writeFile(stateFile, JSON.stringify({ calls: [], secrets: {}, machines: [] } satisfies Told))
  let variables: Record<string, string> = {
    PATH: `${bin}:/usr/bin:/bin`,
    STAND_IN: notes,
    FAKE_ROOT: root,
    PROJECT: resolve('.'),
    PLACES: '{}',
  }
  return {
    ...{ folder, root },
    async run(code) {
      const kept = join(notes, 'environment')
      const script = `set -a\n${code}\nset +a\nenv -0 > "${kept}"`
      const shell = spawn('bash', ['-eo', 'pipefail', '-c', script], {
        cwd: folder,
        env: variables,
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      let text = ''
      for (const output of [shell.stdout, shell.stderr]) output.on('data', (piece) => (text += String(piece)))
      const [status] = (await once(shell, 'close')) as [number | null]
      if (status !== 0) throw new Error(`exit status ${status} of\n${code}\n${text}`)
      const pairs = (await readFile(kept, 'utf8')).split('\0').filter(Boolean)
      variables = Object.fromEntries(
        pairs.map((pair) => pair.split(/=(.*)/s).slice(0, 2) as [string, string]),
      )
      return text
    },
    set(more) {
      variables = { ...variables, ...more }
    },
    variable: (name) => variables[name] ?? '',
    told: async () => JSON.parse(await readFile(stateFile, 'utf8')) as Told,
  }
}
