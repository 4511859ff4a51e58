import { createHash, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { attend, firstRuntime, type JobRule, policyFrom, readyOfNew } from '../src/decisions/index.ts'
import { readSchedule, type Schedule } from '../src/schedule/index.ts'
import { show, table } from './numbers.ts'
import { type Cost, costOfFires } from './processes.ts'
import { jobId } from './seed.ts'
import type { World } from './world.ts'

const jobs = 1_000_000
const firesPerSecond = 100_000
/** Of the jobs, so many are decided about; the others are like them. */
const sample = 5_000
/** A processor that is busier than this has no room for a second that is worse than others. */
const busyMost = 0.6
const postgresCores = 16
/** A machine of the service. */
const serviceCores = 2
/** Clients that one Postgres serves well. */
const connectionsMost = 500
/** Assumed, and to be replaced by those of your provider: a month of a core that nobody else has, and of a gigabyte of disk. */
const dollars = { core: 30, gigabyte: 0.15 }
/** Runs of each job that stay, and what a run takes (docs/history.md). */
const kept = { runs: 1_000, bytes: 1_024 }
/** A row of NAS's list in memory (src/timers/nas/client.ts). */
const listedBytes = 90

/** 10. A million jobs and 100,000 fires a second, on paper: decided by the code, with costs that are measured here. */
export async function scale(world: World, { fires }: { fires: number }): Promise<string> {
  const cost = await costOfFires(world, { processes: 2, fires })
  const decided = await decideSample(new Date('2026-06-18T00:00:00Z'))
  return report(cost, decided, await foldedPerSecond())
}

/** How many of all jobs the decisions make due in each second of a minute, and how long one takes. */
async function decideSample(start: Date) {
  const due = Array.from({ length: 60 }, () => 0)
  const everyMs = (jobs / firesPerSecond) * 1000
  const schedule = await readSchedule(`every ${everyMs / 1000}s`, { now: start, zone: 'UTC', id: '' })
  let decisions = 0
  const startedAt = performance.now()
  for (let n = 0; n < sample; n++) {
    const job = ruleOf(jobId(n + 1), everyMs, start, schedule)
    const runtime = firstRuntime(job, start)
    const ready = readyOfNew(job, runtime)
    decisions += 1
    for (let at = runtime.nextSlot as Date; at.getTime() < start.getTime() + 60_000; decisions++) {
      const second = Math.floor((at.getTime() - start.getTime()) / 1000)
      due[second] = (due[second] ?? 0) + 1
      const view = { job, runtime: { ...runtime, nextSlot: at }, registry: nothingArmed, ...nothing, now: at }
      const decision = attend(view, { trigger: 'fire', fireAt: at, earlyMs: 0, newRunId: randomUUID })
      const next = decision?.runtime.nextSlot ?? null
      if (!next || decision?.starts.length !== 1 || !ready.readyFrom)
        throw new Error('a job was not decided about')
      at = next
    }
  }
  const tookMs = performance.now() - startedAt
  const factor = jobs / sample
  const [, ...full] = due.map((count) => count * factor)
  const mean = full.reduce((sum, n) => sum + n, 0) / full.length
  // instants that are chosen by chance: of a thousand seconds one is worse than three deviations
  return { mean, worst: mean + 3 * Math.sqrt(mean), ms: tookMs / decisions }
}

const nothingArmed = { wakeAt: null, wakeGen: 1, armedGen: 0, armedAt: null }
const nothing = { live: [], deliveries: [], channels: [], dependents: [], project: null }

/** Spread by its id, as `jitter_ms` does. */
function ruleOf(id: string, everyMs: number, start: Date, schedule: Schedule): JobRule {
  const offset = createHash('sha256').update(id).digest().readUInt32BE(0) % everyMs
  return {
    ...{ id, version: 1, schedule, zone: 'UTC', anchor: new Date(start.getTime() - everyMs + offset) },
    ...{ repeatTimes: null, policy: policyFrom({}), deliver: null, after: null },
  }
}

/** How many runs one process adds up to days, as the benchmark growth has measured it last. */
async function foldedPerSecond(): Promise<number> {
  const page = await readFile(new URL('../docs/benchmarks.md', import.meta.url), 'utf8')
  const [, runs, ms] = /add up ([\d,]+) runs \| \d+ \| ([\d,.]+)/.exec(page) ?? []
  const [count, took] = [runs, ms].map((text) => Number(text?.replaceAll(',', '')))
  if (!count || !took)
    throw new Error('docs/benchmarks.md has no step that adds runs up; take the benchmark growth first')
  return (count * 1000) / took
}

/** The share of the fullest of so many shards, against the mean. */
function fullest(shards: number): number {
  const counts = Array.from({ length: shards }, () => 0)
  for (let n = 0; n < 100_000; n++) {
    const shard = createHash('md5').update(jobId(n)).digest().readUInt32BE(0) % shards
    counts[shard] = (counts[shard] ?? 0) + 1
  }
  return Math.max(...counts) / (100_000 / shards)
}

function report(cost: Cost, decided: Awaited<ReturnType<typeof decideSample>>, folded: number): string {
  const coresOf = (ms: number) => (decided.worst * ms) / 1000 / busyMost
  const plain = Math.ceil(coresOf(cost.postgresMs) / postgresCores)
  const shards = Math.ceil(plain * fullest(plain))
  const machines = Math.ceil(coresOf(cost.serviceMs) / serviceCores)
  const connections = machines * serviceCores * (cost.connections / cost.processes)
  const walMb = (firesPerSecond * cost.walBytes) / 1024 ** 2
  const storedGb = (jobs * kept.runs * kept.bytes) / 1024 ** 3
  const listMb = (jobs * listedBytes) / 1024 ** 2
  const ofOne = (ms: number, cores: number) => (cores * busyMost * 1000) / ms
  const rows = [
    ['history: ended runs added up, by one cursor', show(folded), `${show(decided.mean / folded)} cursors`],
    ['one process (a core)', show(ofOne(cost.serviceMs, 1)), `${machines} machines of ${serviceCores} cores`],
    [
      `one Postgres of ${postgresCores} cores`,
      show(ofOne(cost.postgresMs, postgresCores)),
      `${shards} shards, the fullest with ${show(fullest(plain))} × of the mean`,
    ],
    [
      'connections',
      '–',
      `${show(connections)}: ${show(connections / shards)} a shard without a pooler, of ${connectionsMost} that one serves well`,
    ],
    ['write-ahead log', '–', `${show(walMb)} MB/s in all, ${show(walMb / shards)} a shard`],
    [
      `${kept.runs.toLocaleString('en-US')} runs of each job`,
      '–',
      `${show(storedGb)} GB, ${show(storedGb / shards)} a shard`,
    ],
    ['the list of the timer', '–', `${show(listMb)} MB in the process that reconciles, one at a time`],
  ]
  const month =
    machines * serviceCores * dollars.core +
    shards * postgresCores * dollars.core +
    storedGb * dollars.gigabyte
  const postgres = ofOne(cost.postgresMs, postgresCores)
  const ends =
    folded < postgres
      ? `the cursor of history ends first, at ${show(folded)} runs, and then the processor of one Postgres, at ${show(postgres)} fires`
      : `the processor of one Postgres ends first, at ${show(postgres)} fires`
  return [
    `${jobs.toLocaleString('en-US')} jobs, ${firesPerSecond.toLocaleString('en-US')} fires a second, on paper. ${sample.toLocaleString('en-US')} of the jobs are decided about by the decision code, each due every ${jobs / firesPerSecond} s at an instant of its own: ${show(decided.worst)} are due in the worst second, ${show(decided.mean)} in a mean one; a decision takes ${show(decided.ms * 1000)} µs. A fire was measured in the same run with two processes: ${show(cost.serviceMs)} ms of processor time in the service, ${show(cost.postgresMs)} ms in Postgres, ${show(cost.walBytes / 1024)} KB of WAL, calls of the timer left out. A processor is planned to be ${busyMost * 100} % busy.`,
    '',
    table(['part', 'fires/s it carries', `for ${firesPerSecond.toLocaleString('en-US')} a second`], rows),
    '',
    `About $${show(month)} a month, if a core that is yours alone costs $${dollars.core} and a gigabyte $${dollars.gigabyte}: assumed prices, not those of a provider. Of the parts that there is one of, ${ends} a second.`,
  ].join('\n')
}
