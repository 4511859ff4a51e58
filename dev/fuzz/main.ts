import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Case, fuzz, type FuzzResult, progress, replay } from './fuzz.ts'
import { imageSettings } from './image.ts'
import { help, type Options, readOptions } from './options.ts'
import { openSetting } from './world.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** `npm run fuzz`: generated requests and answers for the built service. See docs/fuzz.md. */
async function main(args: string[]): Promise<number> {
  const options = readOrSay(args)
  if (options === undefined) return 2
  if (options === null) {
    console.log(help)
    return 0
  }
  if (!existsSync(join(options.dist, 'server.js')))
    throw new Error(`There is no ${options.dist}/server.js. Run \`npm run build\` first.`)
  const image = imageSettings(
    await readFile(join(root, 'Dockerfile'), 'utf8'),
    await readFile(join(root, 'fly.toml'), 'utf8'),
  )
  const { setting, close } = await openSetting({ ...options, image })
  console.log(
    `--seed ${options.seed}, ${image.flags.join(' ')} NODE_OPTIONS="${image.nodeOptions}", ${image.memoryMb} MiB`,
  )
  try {
    const outcome =
      options.replay === null
        ? await fuzz(setting, { ...options, say: (line) => console.log(line) })
        : await replay(setting, JSON.parse(await readFile(options.replay, 'utf8')) as Case)
    await report(outcome, options)
    return outcome.findings.length === 0 ? 0 : 1
  } finally {
    await close()
  }
}

function readOrSay(args: string[]): Options | null | undefined {
  try {
    return readOptions(args)
  } catch (error) {
    console.error(`${(error as Error).message}\nnpm run fuzz -- --help`)
    return undefined
  }
}

async function report(
  { totals, findings, found, isRepeated }: FuzzResult,
  { seed, save }: Options,
): Promise<void> {
  console.log(
    `\n${table(totals.answers)}\n\n${progress(totals)}; the latest end of an attempt ${Math.round(totals.latestEndMs)} ms after its limit`,
  )
  if (Object.keys(totals.busy).length > 0)
    console.log(`503 of a service that is busy: ${JSON.stringify(totals.busy)}`)
  for (const { what, says } of findings) console.log(`✖ ${what}: ${says}`)
  if (!found) return console.log(`${findings.length === 0 ? 'Nothing was found' : 'Found'}, --seed ${seed}`)
  await mkdir(save, { recursive: true })
  const file = join(save, `${seed}.json`)
  await writeFile(file, `${JSON.stringify(found, null, 2)}\n`)
  console.log(
    `--seed ${seed}; ${isRepeated ? 'the smallest case that shows it alone' : 'the group in which it was found (not shown alone, or not tried)'}: npm run fuzz -- --replay ${file}`,
  )
}

function table(answers: FuzzResult['totals']['answers']): string {
  const rows = Object.entries(answers)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(
      ([key, byStatus]) =>
        `| ${key} | ${Object.entries(byStatus)
          .map(([status, count]) => `${status}: ${count}`)
          .join(', ')} |`,
    )
  return ['| route | answers |', '|---|---|', ...rows].join('\n')
}

process.exit(await main(process.argv.slice(2)))
