import { Document, isMap, isScalar } from 'yaml'

/** A job as it stood elsewhere. `notes`: what could not be carried over, one sentence each; `job` null: nothing could. */
export type Imported = { place: string; name: string; job: Record<string, unknown> | null; notes: string[] }

const longestName = 200

/** What the service takes as a name, of whole characters as a person sees them. */
export function shortName(text: string): string {
  if (text.length <= longestName) return text
  let short = ''
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (short.length + segment.length > longestName) break
    short += segment
  }
  return short
}

/** Marks of a secret in a text from elsewhere, of a part of Unicode that no text has. */
const [secretBegins, secretEnds] = ['\uE000', '\uE001']
const secretForm = new RegExp(`${secretBegins}(\\w+)${secretEnds}`, 'g')

/** Stands for the value of a secret until `asWritten`. */
export const secretIn = (name: string) => `${secretBegins}${name}${secretEnds}`

export const hasSecret = (text: string) => text.includes(secretBegins)

/** Texts from elsewhere as an action takes them: two braces begin no template there, and secrets are named by one. */
export function asWritten<T>(value: T): T {
  if (typeof value === 'string') return templateOf(value) as T
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(asWritten) as T
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, asWritten(one)])) as T
}

function templateOf(text: string): string {
  return text.replaceAll('{{', '{{"{{"}}').replaceAll(secretForm, '{{secrets.$1}}')
}

/** `chronos.yaml`, with a comment for all that could not be carried over; and the same as lines for the terminal. */
export function fileOf(
  found: Imported[],
  { owner }: { owner: string | null },
): { text: string; report: string[] } {
  const taken = new Set<string>()
  const jobs = found.flatMap(({ name, job, notes, place }) =>
    job ? [{ key: freeKey(name, taken), name, job, notes, place }] : [],
  )
  const bodies = jobs.map(({ key, name, job }) => [key, name === key ? job : { name, ...job }])
  const document = new Document({
    ...(owner !== null && { owner }),
    jobs: Object.fromEntries(bodies) as object,
  })
  const map = document.get('jobs')
  if (isMap(map))
    for (const [n, { key }] of map.items.entries()) {
      const { place, notes } = jobs[n] ?? { place: '', notes: [] }
      if (isScalar(key)) key.commentBefore = [place, ...notes].map((line) => ` ${line}`).join('\n')
    }
  const left = found.filter(({ job }) => job === null)
  if (left.length > 0)
    document.comment = left
      .map(({ place, notes }) => ` NOT CARRIED OVER: ${place}: ${notes.join(' ')}`)
      .join('\n')
  return { text: document.toString({ lineWidth: 0 }), report: reportOf(found) }
}

const fewJobs = 2

/** A line for each, and behind them what holds for many. */
function reportOf(found: Imported[]): string[] {
  const counts = new Map<string, number>()
  for (const note of found.flatMap(({ notes }) => notes)) counts.set(note, (counts.get(note) ?? 0) + 1)
  const isOfMany = (note: string) => (counts.get(note) ?? 0) > fewJobs
  const lines = found.map(({ place, job, notes }) => {
    const own = notes.filter((note) => job === null || !isOfMany(note))
    return `${job ? '✔' : '✖'} ${place}${own.length > 0 ? `: ${own.join(' ')}` : ''}`
  })
  const common = [...counts].filter(([note]) => isOfMany(note))
  return [...lines, ...common.map(([note, count]) => `Of ${count} jobs: ${note}`)]
}

/** A name as a key that no other job of the file has. */
function freeKey(name: string, taken: Set<string>): string {
  const plain = name
    .normalize('NFKD')
    .replaceAll(/\p{M}+/gu, '')
    .replaceAll('ß', 'ss')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 90)
  const base = plain || 'job'
  let key = base
  for (let n = 2; taken.has(key); n++) key = `${base}-${n}`
  taken.add(key)
  return key
}
