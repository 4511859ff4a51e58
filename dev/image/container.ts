import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Cage } from './cage.ts'
import type { mountImage } from './store.ts'

type Image = Pick<ReturnType<typeof mountImage>, 'root' | 'config'>
type Wish = { args: string[]; env: Record<string, string>; cage?: Cage | null }

/**
 * A program of the image in the image's own root file system, as its user, with nothing of the environment out here:
 * what a container engine does, but for the network, which is this machine's.
 */
export function run({ root, config }: Image, { args, env, cage }: Wish): ChildProcess {
  const [program = '/usr/local/bin/node'] = config.command
  // Each word replaces its process by the next one's, so that in the end the program has the first one's id.
  const outside = `${cage ? `${cage.enter} && ` : ''}exec unshare --mount sh -c "$0" "$@"`
  // The image has no shell and no mount in it. The mount is gone with its name space.
  const inside =
    'root=$1 user=$2; shift 2; mkdir -p "$root/proc" && mount -t proc proc "$root/proc" && exec chroot --userspec="$user" "$root" "$@"'
  return spawn('sh', ['-c', outside, inside, 'sh', root, config.user, program, ...args], {
    env: { PATH: process.env['PATH'], ...config.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

export async function runToEnd(image: Image, wish: Wish): Promise<{ code: number | null; text: string }> {
  const child = run(image, wish)
  let text = ''
  for (const output of [child.stdout, child.stderr])
    output?.on('data', (piece: Buffer) => (text += piece.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, text }
}
