// `node dev/torture/bite.ts [--only TEXT]`: takes the rules of `mutations.ts` away, one at a time, in a copy of the tree, and shows
// that a named test fails for each. Exits 1 where one goes unnoticed.
import { spawn } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startTestCluster } from '../../test/support/cluster.ts'
import { type Mutation, mutations } from './mutations.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const copied = ['src', 'db', 'routes', 'relay', 'dev', 'test', 'package.json']

async function main(): Promise<number> {
  const { only } = parseArgs({ options: { only: { type: 'string', default: '' } } }).values
  const wanted = mutations.filter(({ name }) => name.includes(only))
  const cluster = await startTestCluster()
  const tree = await mkdtemp(join(tmpdir(), 'chronos-bite-'))
  let unnoticed = 0
  try {
    for (const path of copied) await cp(join(root, path), join(tree, path), { recursive: true })
    await symlink(join(root, 'node_modules'), join(tree, 'node_modules'))
    process.stdout.write('| taken away | the test that fails |\n|---|---|\n')
    for (const mutation of wanted) {
      const line = await bite(mutation, { tree, cluster: cluster.url })
      if (!line.isNoticed) unnoticed += 1
      process.stdout.write(`| ${mutation.name} | ${line.test} |\n`)
    }
  } finally {
    await cluster.stop()
    await rm(tree, { recursive: true })
  }
  process.stdout.write(`\n${wanted.length - unnoticed} of ${wanted.length} are noticed\n`)
  return unnoticed === 0 ? 0 : 1
}

type Bitten = { isNoticed: boolean; test: string }

/** The tests pass with the rule, and one of them fails without it. */
async function bite(mutation: Mutation, where: { tree: string; cluster: string }): Promise<Bitten> {
  const before = await runTests(mutation, where)
  if (before.length > 0) return { isNoticed: false, test: `${before[0]} (fails with the rule, too)` }
  const mutated = await mutate(mutation, where.tree)
  for (const { path, broken } of mutated) await writeFile(path, broken)
  const [test] = await runTests(mutation, where)
  for (const { path, whole } of mutated) await writeFile(path, whole)
  return { isNoticed: test !== undefined, test: test ?? '**none**' }
}

/** @throws Error: the source has changed, and the text that is to be taken away is not there once */
export async function mutate({ name, also, ...first }: Mutation, tree: string): Promise<Mutated[]> {
  const edits = [first, ...(also ? [{ file: first.file, ...also }] : [])]
  const mutated = new Map<string, Mutated>()
  for (const { file, find, put } of edits) {
    const path = join(tree, file)
    const whole = mutated.get(path)?.whole ?? (await readFile(path, 'utf8'))
    const text = mutated.get(path)?.broken ?? whole
    const times = text.split(find).length - 1
    if (times !== 1) throw new Error(`"${name}": its text occurs ${times} times in ${file} instead of once`)
    mutated.set(path, { path, whole, broken: text.replace(find, () => put) })
  }
  return [...mutated.values()]
}

/** A file of the tree, as it is and with the rule taken away. */
type Mutated = { path: string; whole: string; broken: string }

/** Names of the tests that failed. @throws Error: no test was run */
async function runTests({ tests }: Mutation, { tree, cluster }: { tree: string; cluster: string }) {
  const args = ['--test', '--test-timeout=60000', '--test-reporter=tap']
  const child = spawn(process.execPath, [...args, `--test-name-pattern=${tests.pattern}`, tests.file], {
    cwd: tree,
    env: { PATH: process.env['PATH'] ?? '', CHRONOS_TEST_PG: cluster },
  })
  const pieces: string[] = []
  child.stdout.setEncoding('utf8').on('data', (piece: string) => pieces.push(piece))
  await new Promise((resolve) => child.once('close', resolve))
  const results = pieces.join('').matchAll(/^\s*(ok|not ok) \d+ - (.*)$/gm)
  const named = [...results].filter(([, , name = '']) => !name.endsWith('.ts'))
  if (named.length === 0) throw new Error(`no test of ${tests.file} has "${tests.pattern}" in its name`)
  return named.flatMap(([, result, name]) => (result === 'ok' || name === undefined ? [] : [name]))
}

if (import.meta.main) process.exit(await main())
