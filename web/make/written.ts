import type { Body } from './draft.ts'

/** The same job as a command to copy; the key is taken from the shell. */
export function curlOf(body: Body, origin: string): string {
  const json = JSON.stringify(body, null, 2).replaceAll("'", String.raw`'\''`)
  return `curl -X POST ${origin}/api/jobs \\
  -H "Authorization: Bearer $API_KEY" -H 'Content-Type: application/json' \\
  -d '${json}'`
}

/** The same job as a file of jobs, under a key made of its name. */
export function yamlOf(body: Body): string {
  const key =
    body.name
      .toLowerCase()
      .replaceAll(/[^a-z0-9._-]+/g, '-')
      .replaceAll(/^-+|-+$/g, '') || 'job'
  return `jobs:\n  ${key}:\n${linesOf(body, '    ')}`
}

function linesOf(value: object, indent: string): string {
  return Object.entries(value)
    .map(([name, one]) => `${indent}${scalar(name)}:${valueOf(one, indent)}`)
    .join('\n')
}

function valueOf(value: unknown, indent: string): string {
  if (typeof value === 'string' && value.includes('\n') && !/^\s|\s$|[^\S\n]\n|[\r\t]/.test(value))
    return ` |-\n${value.replaceAll(/^(?=.)/gm, `${indent}  `)}`
  if (typeof value !== 'object' || value === null) return ` ${scalar(value)}`
  const isFlat = Object.values(value).every((one) => typeof one !== 'object' || one === null)
  if (Array.isArray(value)) return isFlat ? ` [${value.map(scalar).join(', ')}]` : ` ${JSON.stringify(value)}`
  if (Object.keys(value).length === 0) return ' {}'
  return `\n${linesOf(value, `${indent}  `)}`
}

/** Words stay as they are where no reader of YAML could take them for anything else. */
function scalar(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value)
  const isPlain = /^[A-Za-z][\w ./-]*$/.test(value) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(value)
  return isPlain && !value.endsWith(' ') ? value : JSON.stringify(value)
}
