import { Document, isMap, isScalar } from 'yaml'

/** A job as it stood elsewhere. `notes`: what could not be carried over, one sentence each; `job` null: nothing could. */
export type Imported = { place: string; name: string; job: Record<string, unknown> | null; notes: string[] }

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
  const report = found.map(({ place, job, notes }) =>
    [job ? '✔' : '✖', `${place}${notes.length > 0 ? `: ${notes.join(' ')}` : ''}`].join(' '),
  )
  return { text: document.toString({ lineWidth: 0 }), report }
}

/** A name as a key that no other job of the file has. */
function freeKey(name: string, taken: Set<string>): string {
  const plain = name
    .normalize('NFKD')
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

/** Words of a command line without anything that only a shell does; null: it has that. */
export function wordsOf(line: string): string[] | null {
  if (/[|&;<>()$`\\*?[\]#~\n]/.test(line)) return null
  const word = /\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+))(?=\s|$)/y
  const words: string[] = []
  while (word.lastIndex < line.trimEnd().length) {
    const found = word.exec(line)
    if (!found) return null
    words.push(found[1] ?? found[2] ?? found[3] ?? '')
  }
  return words
}
