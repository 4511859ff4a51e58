// `npm run image`: builds the Dockerfile, looks into the image, boots it from its own root file system under the
// memory limits of the smallest machines, fires at it, and says what it could not check.
import { randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startPostgres } from '../postgres/index.ts'
import { makeCage } from './cage.ts'
import { run, runToEnd } from './container.ts'
import { fireAt } from './fire.ts'
import { buildImage, filesOf, ImageError, mountImage } from './store.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const mebibyte = 1024 * 1024
/** What may be in the image, and nothing else. */
const expectedFile =
  /^\/(etc\/(passwd|group|nsswitch\.conf)|(usr\/)?lib(64)?\/.*\.so[.\d]*|usr\/local\/bin\/node|app\/(boot|server|migrate)\.js|app\/sbom\.cdx\.json|app\/(cache|web)\/.+)$/
const heapLimit = "require('node:v8').getHeapStatistics().heap_size_limit"
/** The machine's memory, and what it sets instead of the image's own NODE_OPTIONS. */
const sizes: Size[] = [
  { megabytes: 256, env: {} },
  { megabytes: 512, env: { NODE_OPTIONS: '--max-old-space-size=320 --max-semi-space-size=16' } },
]
type Size = { megabytes: number; env: Record<string, string> }
const unchecked = [
  'the published base image (yours may be a stand-in): sizes and versions of its libraries differ',
  'the kernel and the 1/16 of a CPU of a Fly machine; Fly gives a machine of 256 MB about 215 MB',
]

async function main() {
  say('building the Dockerfile')
  buildImage(root)
  const image = mountImage()
  const folder = await mkdtemp(join(tmpdir(), 'chronos-image-'))
  const postgres = await startPostgres({ dataDir: join(folder, 'data'), durable: false })
  try {
    lookInto(image)
    const release = await runToEnd(image, { args: ['/app/migrate.js'], env: { DATABASE_URL: postgres.url } })
    check('the release command brings an empty database up to date', release.code === 0, release.text.trim())
    const { text: heap } = await runToEnd(image, { args: ['-p', heapLimit], env: {} })
    const heapMegabytes = Math.round(Number(heap) / mebibyte)
    check('V8 keeps to a part of 256 MB', heapMegabytes < 150, `${heapMegabytes} MB`)
    const debug = { NODE_DEBUG_NATIVE: 'COMPILE_CACHE', DATABASE_URL: 'none' }
    for (const args of [image.config.command.slice(1), ['/app/migrate.js']]) {
      const { text } = await runToEnd(image, { args, env: debug })
      const file = args.at(-1)
      const isTaken =
        text.includes(`${file} was accepted`) && !/\.cache (was rejected|cannot be used)/.test(text)
      check(`${file} starts from its compile cache`, isTaken)
    }
    for (const size of sizes) await underLimit(image, postgres.url, size)
  } finally {
    await postgres.stop()
    image.unmount()
    await rm(folder, { recursive: true })
  }
  say(`not checked: ${unchecked.join('; ')}`)
}

function lookInto({ root: mounted, config }: ReturnType<typeof mountImage>) {
  const files = filesOf(mounted)
  const bytes = files.reduce((sum, file) => sum + statSync(mounted + file).size, 0)
  const strange = files.filter((file) => !expectedFile.test(file))
  say(
    `${files.length} files, ${Math.round(bytes / mebibyte)} MiB, of which Node ${Math.round(statSync(`${mounted}/usr/local/bin/node`).size / mebibyte)}`,
  )
  check('nothing else is in the image', strange.length === 0, strange.slice(0, 5).join(', '))
  check('it runs as a user that is not root', /^[1-9]\d*/.test(config.user), `user ${config.user}`)
}

async function underLimit(
  image: ReturnType<typeof mountImage>,
  databaseUrl: string,
  { megabytes, env }: Size,
) {
  const cage = makeCage(megabytes * mebibyte)
  if (!cage) unchecked.push(`the limit of ${megabytes} MB (this system permits no control group here)`)
  const apiKey = randomBytes(24).toString('base64url')
  try {
    const fired = await fireAt({
      databaseUrl,
      apiKey,
      start: (own) => run(image, { args: image.config.command.slice(1), env: { ...own, ...env }, cage }),
    })
    const peak = cage?.peakBytes() ?? null
    const told = [
      `listening after ${fired.listeningMs} ms, first fire answered after ${fired.firstMs} ms`,
      `${fired.runs} runs of ${fired.expected}`,
      `resident at most ${Math.round(fired.peakRssKb / 1024)} MiB`,
      ...(peak === null
        ? []
        : [`of the limit used at most ${Math.round(peak / mebibyte)} MiB (with page cache)`]),
    ]
    const name = cage ? `it works under ${megabytes} MB` : 'it works (without a limit)'
    check(name, fired.runs === fired.expected && fired.refused === 0, told.join(', '))
    check('it goes down in order when it is told to', fired.exitCode === 0, `exit status ${fired.exitCode}`)
  } finally {
    cage?.remove()
  }
}

function check(what: string, holds: boolean, detail = '') {
  say(`${holds ? '✔' : '✖'} ${what}${detail && `: ${detail}`}`)
  if (!holds) process.exitCode = 1
}

function say(text: string) {
  process.stdout.write(`${text}\n`)
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof ImageError ? error.message : String((error as Error).stack)}\n`)
  process.exitCode = 1
})
