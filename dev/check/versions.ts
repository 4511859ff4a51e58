import { readFile } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'

/**
 * The first program of .ci/run: says which Node runs, and fails where package.json asks for other packages than
 * package-lock.json lists. An install would quietly choose something.
 */
type Wants = { dependencies: Record<string, string>; devDependencies: Record<string, string> }

const wanted = JSON.parse(await readFile('package.json', 'utf8')) as Wants
const lockfile = JSON.parse(await readFile('package-lock.json', 'utf8')) as { packages: { '': Wants } }
const locked = lockfile.packages['']

console.log(`Node ${process.version}`)
for (const kind of ['dependencies', 'devDependencies'] as const) {
  if (isDeepStrictEqual(wanted[kind], locked[kind])) continue
  console.error(`✖ the ${kind} of package.json are not those of package-lock.json; run npm install`)
  process.exitCode = 1
}
