import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/** What stands in the way of building, for people. */
export class ImageError extends Error {
  override readonly name = 'ImageError'
}

const baseImage = 'docker.io/library/node:26-slim'
const tag = 'localhost/chronos'

/** Builds the Dockerfile with buildah (it needs no daemon); what it prints goes to the terminal. @throws ImageError */
export function buildImage(root: string): void {
  if (spawnSync('buildah', ['--version']).error)
    throw new ImageError('buildah was not found. Install it (Debian: apt-get install buildah)')
  const isHere =
    spawnSync('buildah', ['inspect', '--type', 'image', baseImage], { stdio: 'ignore' }).status === 0
  if (!isHere && spawnSync('buildah', ['pull', '-q', baseImage], { stdio: 'ignore' }).status !== 0)
    throw new ImageError(
      `${baseImage} is not in the image store, and no registry gave it (buildah images, buildah pull)`,
    )
  const { status } = spawnSync('buildah', ['bud', '-q', '--isolation', 'chroot', '-t', tag, root], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (status !== 0) throw new ImageError('the image could not be built; buildah said why')
}

export type Config = { user: string; env: Record<string, string>; command: string[]; workdir: string }

/** The image's root file system, mounted, and what the image says about how to run it. @throws ImageError */
export function mountImage(): { root: string; config: Config; unmount(): void } {
  const container = buildah('from', '--pull-never', tag)
  try {
    const root = buildah('mount', container)
    const { OCIv1 } = JSON.parse(buildah('inspect', container)) as { OCIv1: { config: RawConfig } }
    const { User = '', Env = [], Cmd = [], WorkingDir = '/' } = OCIv1.config
    const env = Object.fromEntries(
      Env.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
    )
    return {
      root,
      config: { user: User, env, command: Cmd, workdir: WorkingDir },
      unmount: () => void buildah('rm', container),
    }
  } catch (error) {
    spawnSync('buildah', ['rm', container])
    throw new ImageError(
      'the image cannot be mounted. Run this as root, or as `buildah unshare npm run image`',
      {
        cause: error,
      },
    )
  }
}

type RawConfig = { User?: string; Env?: string[]; Cmd?: string[]; WorkingDir?: string }

/** Every file of a mounted image, as paths from its root, and their sizes in bytes. */
export function filesOf(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() || entry.isSymbolicLink())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
    .toSorted()
}

function buildah(...args: string[]): string {
  return execFileSync('buildah', args, { encoding: 'utf8' }).trim()
}
