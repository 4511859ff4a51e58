import { type Bytes, joined } from './bytes.ts'

/** A piece of JSON that no value prints as: numbers as they are written, broken texts, a million equal items. */
export class Raw {
  readonly bytes: Bytes
  constructor(bytes: Bytes) {
    this.bytes = bytes
  }
}

/** One thing that is wrong with a document: at the node of this number (counted round), do this. */
export type Mutation = { at: number } & (
  | { does: 'put' | 'add' | 'append'; bytes: Bytes }
  | { does: 'remove' | 'twice' }
)

type Node = { holder: Record<string, unknown> | unknown[]; key: string | number }

/** Prints a document with mutations in it. The document is changed. */
export function print(document: unknown, mutations: Mutation[]): Bytes {
  const top = { document }
  for (const mutation of mutations) mutate(top, mutation)
  return joined(printed(top.document))
}

function mutate(top: Record<string, unknown>, mutation: Mutation): void {
  const nodes = nodesOf(top)
  const node = nodes[mutation.at % nodes.length]
  if (!node) return
  const { holder, key } = node as { holder: Record<string | number, unknown>; key: string | number }
  const value = holder[key]
  switch (mutation.does) {
    case 'put':
      holder[key] = new Raw(mutation.bytes)
      break
    case 'remove':
      if (holder !== top) delete holder[key]
      break
    case 'twice':
      // the name stands twice in its object; an item twice in its list
      if (Array.isArray(holder)) holder.push(value)
      else if (holder !== top) holder[`${String(key)}${twice}`] = value
      break
    case 'add':
      if (isObject(value)) value[added(mutation.bytes)] = new Raw(mutation.bytes)
      else holder[key] = new Raw(mutation.bytes)
      break
    case 'append':
      if (Array.isArray(value)) value.push(new Raw(mutation.bytes))
      else holder[key] = [value, new Raw(mutation.bytes)]
      break
  }
}

/** Told from a name of the document by a character that none has. */
const twice = '\u0000'
const names = [
  '__proto__',
  'constructor',
  'toString',
  '',
  'x',
  'é',
  '\u202e',
  'x'.repeat(5_000),
  'hasOwnProperty',
]

function added(bytes: Bytes): string {
  return names[JSON.stringify(bytes).length % names.length] as string
}

function nodesOf(value: Record<string, unknown> | unknown[]): Node[] {
  return Object.entries(value).flatMap(([key, item]): Node[] => [
    { holder: value, key: Array.isArray(value) ? Number(key) : key },
    ...(Array.isArray(item) || isObject(item) ? nodesOf(item) : []),
  ])
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Raw)
}

function printed(value: unknown): Bytes {
  if (value instanceof Raw) return value.bytes
  if (Array.isArray(value))
    return ['[', ...value.flatMap((item, index): Bytes => [index > 0 ? ',' : '', ...printed(item)]), ']']
  if (isObject(value)) {
    const members = Object.entries(value).filter(([, item]) => item !== undefined)
    return ['{', ...members.flatMap(([name, item], index) => member(name, item, index)), '}']
  }
  return [JSON.stringify(value ?? null)]
}

function member(name: string, item: unknown, index: number): Bytes {
  return [`${index > 0 ? ',' : ''}${JSON.stringify(name.replace(twice, ''))}:`, ...printed(item)]
}
