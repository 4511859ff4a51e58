import { readFile, writeFile } from 'node:fs/promises'

const file = new URL('../docs/benchmarks.md', import.meta.url)

const head = `# Benchmarks

\`npm run bench\` takes all of these and writes this page; \`npm run bench -- cold\` takes one and replaces its part. Every figure stands beside a floor or a peer that was measured in the same run, in turn with it: the ratios matter, the milliseconds are this machine's. Servers run with the image's Node options, PostgreSQL with \`fsync\` and \`synchronous_commit\` on, the local NAS in a process of its own. What falls short of its aim, and what holds it there, is told in [performance](performance.md).
`

/** One part of the page: what was measured, when, on what. */
export type Part = { name: string; title: string; text: string }

/** Writes the page, or replaces the parts that were taken in this run and keeps the others. */
export async function writePage(parts: Part[], order: string[]): Promise<void> {
  const known = partsOf(await readFile(file, 'utf8').catch(() => ''))
  for (const part of parts) known.set(part.name, `## ${part.title}\n\n${part.text.trim()}\n`)
  const body = order.flatMap((name) => {
    const text = known.get(name)
    return text === undefined ? [] : [`<!-- bench:${name} -->\n${text}`]
  })
  await writeFile(file, [head, ...body].join('\n'))
}

function partsOf(page: string): Map<string, string> {
  const [, ...parts] = page.split(/^<!-- bench:/m)
  return new Map(
    parts.map((part) => {
      const [name = '', ...text] = part.split(' -->\n')
      return [name, `${text.join(' -->\n').trim()}\n`]
    }),
  )
}
