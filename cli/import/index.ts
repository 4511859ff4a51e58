import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Context } from '../context.ts'
import { exitCodes, type Io, Stop } from '../io.ts'
import { harmless } from '../show.ts'
import { importCrontab } from './crontab.ts'
import { fileOf, type Imported } from './imported.ts'
import { importGithub } from './github.ts'
import { importKubernetes } from './kubernetes.ts'
import { importSystemd } from './systemd.ts'
import { importVercel } from './vercel.ts'

export const kinds = ['crontab', 'github', 'kubernetes', 'vercel', 'systemd'] as const
export type Kind = (typeof kinds)[number]

type ImportWish = {
  output: string
  owner?: string
  timezone?: string
  system?: boolean
  repo?: string
  url?: string
}

/** Reads schedules from elsewhere and writes the file of jobs; says of each what could not be carried over. */
export async function importJobs(context: Context, kind: Kind, paths: string[], wish: ImportWish) {
  const { io, show } = context
  const files = await readAll(io, paths)
  const found = inZone(foundIn(kind, files, wish), wish.timezone)
  if (found.length === 0) throw new Stop(`No schedule was found in ${paths.join(', ')}.`)
  const { text, report } = fileOf(found, { owner: wish.owner ?? null })
  if (wish.output === '-') io.out(text)
  else await writeFile(wish.output, text, { flag: 'wx' }).catch(orExists(wish.output))
  for (const line of report) io.err(`${harmless(line, { isTerminal: true })}\n`)
  const isOfMachine = kind === 'crontab' || kind === 'systemd'
  if (isOfMachine && found.some(({ job }) => job !== null && !('timezone' in job)))
    io.err(
      'Times without a zone are those of the service (CRON_TIMEZONE). If the machine has another: --timezone.\n',
    )
  if (wish.output === '-') return
  show({ file: wish.output, jobs: found.filter(({ job }) => job !== null).length, found }, () => '')
  io.err(`Wrote ${wish.output}. Look through it, then: chronos plan ${wish.output}\n`)
}

/** The zone of the machine, where the file names none and the schedule counts by the clock. */
function inZone(found: Imported[], timezone: string | undefined): Imported[] {
  if (timezone === undefined) return found
  return found.map((one) =>
    one.job === null || 'timezone' in one.job ? one : { ...one, job: withZone(one.job, timezone) },
  )
}

/** Beside the schedule, as the service writes it. */
function withZone({ schedule, ...rest }: Record<string, unknown>, timezone: string) {
  return { schedule, timezone, ...rest }
}

function orExists(file: string) {
  return (error: NodeJS.ErrnoException): never => {
    if (error.code !== 'EEXIST') throw error
    throw new Stop(`${file} is there already. Name another one with --output.`, exitCodes.conflict)
  }
}

/** Files, those of folders, and `-` for standard input; by path. */
async function readAll(io: Io, paths: string[]): Promise<Map<string, string>> {
  const files = new Map<string, string>()
  for (const path of paths) {
    if (path === '-') files.set('-', await io.read())
    else if ((await stat(path).catch(() => null))?.isDirectory())
      for (const name of (await readdir(path)).toSorted())
        files.set(join(path, name), await readFile(join(path, name), 'utf8').catch(() => ''))
    else
      files.set(
        path,
        await readFile(path, 'utf8').catch(() => {
          throw new Stop(`${path} cannot be read.`, exitCodes.usage)
        }),
      )
  }
  return files
}

function foundIn(kind: Kind, files: Map<string, string>, { system, repo, url }: ImportWish): Imported[] {
  if (kind === 'systemd') return importSystemd(files)
  const read = (text: string, file: string): Imported[] => {
    if (kind === 'crontab') return importCrontab(text, { isSystem: system ?? isOfSystem(file) })
    if (kind === 'github') return importGithub(text, { file: basename(file), repo })
    return kind === 'kubernetes' ? importKubernetes(text) : importVercel(text, { url })
  }
  return [...files].flatMap(([file, text]) =>
    orNone(() => read(text.replace(/^\uFEFF/, ''), file), file).map((one) =>
      files.size === 1 || one.place.startsWith(basename(file))
        ? one
        : { ...one, place: `${basename(file)}: ${one.place}` },
    ),
  )
}

/** What cannot be read is told as one that is not carried over: others of the folder can. */
function orNone(read: () => Imported[], file: string): Imported[] {
  try {
    return read()
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
    return [{ place: basename(file), name: '', job: null, notes: [`It cannot be read: ${why}`] }]
  }
}

/** There each command has a user. */
function isOfSystem(file: string): boolean {
  return /^\/etc\/(crontab$|cron\.d\/)/.test(file)
}
