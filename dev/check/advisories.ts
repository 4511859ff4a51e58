import { spawnSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { satisfies } from 'semver'

/**
 * Whether any package of package-lock.json has a known advisory, by the list that is committed beside this file: no
 * service is asked, so that a clone is judged the same on every machine. Exit status 1: one has, and no one has accepted
 * it. An old list is warned of and fails nothing.
 *
 *   npm run advisories                  (a step of .ci/run)
 *   npm run advisories -- --refresh     makes the list again by `npm audit`, which needs the registry's advisory
 *                                       service; without it the list stays as it is
 */
type Advisory = {
  package: string
  /** As semver reads it. */
  range: string
  severity: string
  title: string
  url: string
  /** Why it does no harm here; null: it fails the check. */
  accepted: string | null
}
export type AdvisoryList = {
  /** Of the last answer of the service; null: it was never reached, and the list says nothing. */
  asOf: string | null
  advisories: Advisory[]
}
type Lockfile = { packages: Record<string, { version?: string }> }

const listFile = 'dev/check/advisories.json'
const staleAfterDays = 30

/** What of the packages has an advisory, one sentence each, accepted ones apart. */
export function judge({ advisories }: AdvisoryList, { packages }: Lockfile) {
  const found = Object.entries(packages).flatMap(([path, { version = '' }]) => {
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
    const known = advisories.filter((one) => one.package === name && satisfies(version, one.range))
    return known.map((advisory) => ({ advisory, says: `${name} ${version}: ${sentenceOf(advisory)}` }))
  })
  const isAccepted = ({ advisory }: (typeof found)[number]) => advisory.accepted !== null
  return {
    wrong: found.filter((one) => !isAccepted(one)).map(({ says }) => says),
    accepted: found
      .filter(isAccepted)
      .map(({ says, advisory }) => `${says} (accepted: ${advisory.accepted})`),
  }
}

/** Null: the list is young enough. */
export function warningOf({ asOf }: AdvisoryList, now: Date): string | null {
  const how = 'where the registry has an advisory service: npm run advisories -- --refresh'
  if (asOf === null) return `no advisory service was ever reached: the list is empty and says nothing; ${how}`
  const days = Math.floor((now.getTime() - Date.parse(asOf)) / 86_400_000)
  return days > staleAfterDays ? `the list of advisories is ${days} days old; ${how}` : null
}

/** The advisories in what `npm audit --json` prints; null: it is no report. What was accepted before stays so. */
export function readAudit(text: string, before: AdvisoryList): Advisory[] | null {
  const report = parsed(text)?.['vulnerabilities']
  if (typeof report !== 'object' || report === null) return null
  const accepted = new Map(before.advisories.map((one) => [keyOf(one), one.accepted]))
  const found = Object.values(report as Record<string, { via: (string | AuditVia)[] }>)
    .flatMap(({ via }) => via)
    .filter((via) => typeof via === 'object')
    .map(({ name, range, severity, title, url }) => ({ package: name, range, severity, title, url }))
  const unique = new Map(found.map((one) => [keyOf(one), one]))
  return [...unique.values()]
    .map((one) => ({ ...one, accepted: accepted.get(keyOf(one)) ?? null }))
    .toSorted((a, b) => keyOf(a).localeCompare(keyOf(b)))
}

/** A text in `via` names another package of the report. */
type AuditVia = { name: string; range: string; severity: string; title: string; url: string }

function keyOf({ package: name, url }: Pick<Advisory, 'package' | 'url'>): string {
  return `${name} ${url}`
}

function sentenceOf({ severity, title, url, range }: Advisory): string {
  return `${severity}, ${title} (${range}; ${url})`
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return null
  }
}

async function readJson<T>(file: string): Promise<T> {
  return JSON.parse(await readFile(file, 'utf8')) as T
}

async function main(): Promise<number> {
  const list = await readJson<AdvisoryList>(listFile)
  if (process.argv.includes('--refresh')) return refresh(list)
  const { wrong, accepted } = judge(list, await readJson<Lockfile>('package-lock.json'))
  const warning = warningOf(list, new Date())
  if (warning) console.log(`⚠ ${warning}`)
  for (const says of accepted) console.log(`– ${says}`)
  for (const says of wrong)
    console.error(`✖ ${says}; update it, or say in ${listFile} why it does no harm here`)
  console.log(`${list.advisories.length} advisories of ${list.asOf ?? 'no date'}, ${wrong.length} that count`)
  return wrong.length > 0 ? 1 : 0
}

async function refresh(before: AdvisoryList): Promise<number> {
  const { stdout } = spawnSync('npm', ['audit', '--json', '--package-lock-only'], { encoding: 'utf8' })
  const advisories = readAudit(stdout, before)
  if (!advisories) {
    console.error(
      `✖ npm audit gave no report: the registry has no advisory service here. ${listFile} is unchanged`,
    )
    return 1
  }
  const asOf = new Date().toISOString().slice(0, 10)
  await writeFile(listFile, `${JSON.stringify({ asOf, advisories } satisfies AdvisoryList, null, 2)}\n`)
  console.log(`${advisories.length} advisories of ${asOf}; commit ${listFile}`)
  return 0
}

if (import.meta.main) process.exitCode = await main()
