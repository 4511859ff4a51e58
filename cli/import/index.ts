import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Context } from '../context.ts'
import { exitCodes, type Io, Stop } from '../io.ts'
import { importCrontab } from './crontab.ts'
import { fileOf, type Imported } from './imported.ts'
import { importGithub, importKubernetes, importVercel } from './others.ts'
import { importSystemd } from './systemd.ts'

export const kinds = ['crontab', 'github', 'kubernetes', 'vercel', 'systemd'] as const
export type Kind = (typeof kinds)[number]

type ImportWish = { output: string; owner?: string; system?: boolean; repo?: string; url?: string }

/** Reads schedules from elsewhere and writes the file of jobs; says of each what could not be carried over. */
export async function importJobs(context: Context, kind: Kind, paths: string[], wish: ImportWish) {
  const files = await readAll(context.io, paths)
  const found = [...foundIn(kind, files, wish)]
  if (found.length === 0) throw new Stop(`No schedule was found in ${paths.join(', ')}.`)
  const { text, report } = fileOf(found, { owner: wish.owner ?? null })
  if (wish.output === '-') context.io.out(text)
  else await writeFile(wish.output, text, { flag: 'wx' }).catch(orExists(wish.output))
  for (const line of report) context.io.err(`${line}\n`)
  if (wish.output !== '-')
    context.io.err(`Wrote ${wish.output}. Look through it, then: chronos plan ${wish.output}\n`)
}

function orExists(file: string) {
  return (error: NodeJS.ErrnoException): never => {
    if (error.code !== 'EEXIST') throw error
    throw new Stop(`${file} is there already. Name another one with --output.`, exitCodes.conflict)
  }
}

/** Files, those of folders, and `-` for standard input; by name. */
async function readAll(io: Io, paths: string[]): Promise<Map<string, string>> {
  const files = new Map<string, string>()
  for (const path of paths) {
    if (path === '-') files.set('-', await io.read())
    else if ((await stat(path).catch(() => null))?.isDirectory())
      for (const name of (await readdir(path)).toSorted())
        files.set(name, await readFile(join(path, name), 'utf8').catch(() => ''))
    else
      files.set(
        basename(path),
        await readFile(path, 'utf8').catch(() => {
          throw new Stop(`${path} cannot be read.`, exitCodes.usage)
        }),
      )
  }
  return files
}

function foundIn(kind: Kind, files: Map<string, string>, { system, repo, url }: ImportWish): Imported[] {
  const each = (read: (text: string, file: string) => Imported[]) =>
    [...files].flatMap(([file, text]) => read(text, file))
  if (kind === 'crontab') return each((text) => importCrontab(text, { isSystem: system ?? false }))
  if (kind === 'github') return each((text, file) => importGithub(text, { file, repo }))
  if (kind === 'kubernetes') return each(importKubernetes)
  if (kind === 'vercel') return each((text) => importVercel(text, { url }))
  return importSystemd(files)
}
