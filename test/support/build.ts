import { existsSync } from 'node:fs'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundle } from '../../dev/build/bundle.ts'
import { type Release, releaseIn } from '../../dev/fly/world.ts'

/** `server.js` and `migrate.js` in `folder`, as `npm run build` makes them; nobody may change them there. */
export type Build = { folder: string; release: Release; remove(): Promise<void> }

/** Built once for all the files of a run of the tests, which removes it; for a file that is run by hand, once more. */
export async function sharedBuild(): Promise<Build> {
  const shared = process.env['CHRONOS_TEST_BUILD']
  if (!shared) {
    const folder = await build()
    return buildIn(folder, () => rm(folder, { recursive: true }))
  }
  // Of several that build at once the first one's is kept.
  if (!existsSync(shared)) {
    const draft = await build()
    await rename(draft, shared).catch(() => rm(draft, { recursive: true }))
  }
  return buildIn(shared, () => Promise.resolve())
}

async function build(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'chronos-test-build-'))
  await bundle(['src/server.ts', 'src/migrate.ts'], folder)
  return folder
}

function buildIn(folder: string, remove: () => Promise<void>): Build {
  return { folder, release: { ...releaseIn(folder), remove }, remove }
}
