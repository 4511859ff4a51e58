import { readFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import project from '../package.json' with { type: 'json' }

/** What the figures were taken on. */
export function machine(postgresVersion: string): string {
  const model = cpus()[0]?.model ?? 'unknown'
  const versions: Record<string, string> = { ...project.dependencies, ...project.devDependencies }
  const packages = ['fastify', 'jose', 'postgres', 'pg-boss', 'graphile-worker'].map(
    (name) => `${name} ${versions[name]}`,
  )
  return [
    `${cpus().length} × ${model}, ${Math.round(totalmem() / 2 ** 30)} GB, ${kernel()}`,
    `Node ${process.versions.node} (V8 ${process.versions.v8}), PostgreSQL ${postgresVersion}, ${packages.join(', ')}`,
  ].join('; ')
}

export function load(): string {
  return loadavg()
    .map((value) => value.toFixed(1))
    .join(' / ')
}

function kernel(): string {
  try {
    return `Linux ${readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim()}`
  } catch {
    return process.platform
  }
}
