import { mkdir, rm, writeFile } from 'node:fs/promises'
import lockfile from '../../package-lock.json' with { type: 'json' }
import project from '../../package.json' with { type: 'json' }
import { bundle, bundleCommand, eagerPackages, serviceEntryPoints } from './bundle.ts'
import { sbomOf } from './sbom.ts'
import { buildWeb } from './web.ts'

/** 1 s of a cold start is drizzle's: no fire may wait for it. */
const neverEager = ['drizzle-orm']

/**
 * `npm run build`: `dist/server.js` and `dist/migrate.js`, each to be copied alone beside a Node 26, `dist/web/`, the page,
 * which lies beside the server, the command `dist/chronos.mjs`, which Node 20 runs as well, and `dist/sbom.cdx.json`, which
 * says what is in all of them.
 */
async function main(): Promise<number> {
  await rm('dist', { recursive: true, force: true })
  await mkdir('dist')
  // Only inside this repository, whose own package.json would make them ES modules.
  await writeFile('dist/package.json', '{ "type": "commonjs" }\n')
  const metafile = await bundle(serviceEntryPoints, 'dist').catch(orStop)
  const command = await bundleCommand('dist/chronos.mjs').catch(orStop)
  const web = await buildWeb('dist/web').catch(orStop)
  const built = [metafile, command, web]
  for (const { outputs } of built)
    for (const [file, { bytes }] of Object.entries(outputs))
      console.log(`${file} ${Math.ceil(bytes / 1024)} KiB`)

  const inputs = built.flatMap((one) => Object.keys(one.inputs))
  await writeFile('dist/sbom.cdx.json', sbomOf(inputs, lockfile, process.version))

  // the port is open before it is loaded; all of it is there before the first answer
  const eager = eagerPackages(metafile, 'src/app.ts')
  console.log(
    `loaded at boot: ${eager.length} packages, of ours ${eager.filter((name) => name in project.dependencies).join(', ')}`,
  )
  const wrong = eager.filter((name) => neverEager.includes(name))
  for (const name of wrong) console.error(`✖ src/app.ts loads ${name} at boot; load it with await import()`)
  return wrong.length
}

/** esbuild has shown its errors by then; a stack of its own insides would hide them. */
function orStop(error: Error): never {
  if ('errors' in error) process.exit(1)
  throw error
}

process.exitCode = await main()
