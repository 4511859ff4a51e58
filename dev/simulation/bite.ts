// node dev/simulation/bite.ts [--seeds 1000] [--only TEXT]: takes one safeguard away at a time, and tells which seed notices.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Breakage, breakages } from './breakages.ts'

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '1000' }, only: { type: 'string', default: '' } },
})
const root = fileURLToPath(new URL('../../', import.meta.url))

for (const breakage of breakages.filter(({ name }) => name.includes(values.only))) {
  const { seed, rules } = tryOut(breakage)
  if (seed === null) process.exitCode = 1
  print(
    `${breakage.name.padEnd(56)} ${seed === null ? `NOT NOTICED in ${values.seeds} seeds` : `seed ${seed}: ${rules}`}`,
  )
}

/** The first seed that breaks a rule in a copy of the service without the safeguard. */
function tryOut({ edits }: Breakage): { seed: string | null; rules: string } {
  const copy = mkdtempSync(join(tmpdir(), 'bite-'))
  try {
    for (const folder of ['src', 'db', 'dev/simulation', 'package.json'])
      cpSync(join(root, folder), join(copy, folder), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
    for (const { file, from, to } of edits) {
      const text = readFileSync(join(copy, file), 'utf8')
      if (!text.includes(from)) throw new Error(`${file} does not have ${JSON.stringify(from)} (any more)`)
      writeFileSync(join(copy, file), text.replaceAll(from, to))
    }
    const { stdout } = spawnSync(process.execPath, ['dev/simulation/main.ts', '--seeds', values.seeds], {
      cwd: copy,
      encoding: 'utf8',
    })
    const seed = /--seed (\d+)/.exec(stdout)?.[1] ?? null
    const rules = [...stdout.matchAll(/^(.+): 1 seeds, such as/gm)].map(([, rule]) => rule).join(', ')
    return { seed, rules }
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

function print(line: string) {
  process.stdout.write(`${line}\n`)
}
