import { parse } from 'smol-toml'

/** How the image starts Node: what a bare process has to be given to behave like it. */
export type ImageSettings = { flags: string[]; nodeOptions: string; memoryMb: number }

/**
 * Read from the files that make the image and its machine, so that the two cannot differ.
 * @throws Error: one of them no longer says it in the form that is read here
 */
export function imageSettings(dockerfile: string, flyToml: string): ImageSettings {
  const shipped = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '))
  const options = /^ENV .*\bNODE_OPTIONS="([^"]+)"/m.exec(shipped)?.[1]
  const command = JSON.parse(/^CMD (\[.*\])$/m.exec(shipped)?.[1] ?? '[]') as string[]
  const { env, vm } = parse(flyToml) as { env?: Record<string, string>; vm?: { memory?: string }[] }
  const memory = /^(\d+)mb$/.exec(vm?.[0]?.memory ?? '')?.[1]
  if (options === undefined || command.length < 2 || memory === undefined)
    throw new Error(
      'Dockerfile or fly.toml does not set NODE_OPTIONS, CMD and memory as dev/fuzz/image.ts reads them',
    )
  return {
    flags: command.slice(1, -1),
    nodeOptions: env?.['NODE_OPTIONS'] ?? options,
    memoryMb: Number(memory),
  }
}
