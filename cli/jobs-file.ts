import { access, readFile } from 'node:fs/promises'
import { extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parse } from 'yaml'
import type { Json } from './api.ts'
import { folderOf, withCalendars } from './calendars.ts'
import { exitCodes, type Io, Stop } from './io.ts'

export const usualFile = 'chronos.yaml'
// not chronos.mjs, which is the command itself
const usualFiles = [usualFile, ...['yml', 'json', 'ts', 'js'].map((end) => `chronos.${end}`)]
const typed = ['.ts', '.mts', '.cts']
const programs = [...typed, '.js', '.mjs', '.cjs']

/** A file of jobs: YAML, JSON, or a program whose default export it is; `-` is standard input. Not named: the one in this folder. @throws Stop */
export async function readJobsFile(io: Io, named: string | undefined): Promise<Json> {
  const file = named ?? (await fileHere())
  return withCalendars(await read(io, file), folderOf(file))
}

async function read(io: Io, file: string): Promise<Json> {
  if (programs.includes(extname(file))) return defaultExportOf(file)
  const text = file === '-' ? await io.read() : await readFile(file, 'utf8').catch(() => null)
  if (text === null)
    throw new Stop(`${file} cannot be read. Name a file, or write ${usualFile}.`, exitCodes.usage)
  try {
    return parse(text, { uniqueKeys: true, merge: true })
  } catch (error) {
    throw wrong(file, error)
  }
}

async function fileHere(): Promise<string> {
  const found: string[] = []
  for (const file of usualFiles) if (await isThere(file)) found.push(file)
  const [first, ...others] = found
  if (others.length === 0) return first ?? usualFile
  throw new Stop(`Here are ${found.join(' and ')}. Name the one that is meant.`, exitCodes.usage)
}

async function defaultExportOf(file: string): Promise<Json> {
  if (!(await isThere(file)))
    throw new Stop(`${file} cannot be read. Name a file, or write ${usualFile}.`, exitCodes.usage)
  if (typed.includes(extname(file)) && !process.features.typescript)
    throw new Stop(
      `Node ${process.versions.node} does not run TypeScript. Use Node 22.18 or later, or write ${file.replace(/ts$/, 'js')}.`,
      exitCodes.usage,
    )
  const { default: given } = await import(pathToFileURL(resolve(file)).href).catch((error: unknown) => {
    throw wrong(file, error)
  })
  // a CommonJS module that a compiler wrote has it one level down
  const jobs: unknown = await (given?.default ?? given)
  if (typeof jobs !== 'object' || jobs === null)
    throw new Stop(
      `${file} has no default export that is a file of jobs. Write \`export default { jobs: { … } }\`.`,
      exitCodes.usage,
    )
  return jobs
}

function wrong(file: string, error: unknown): Stop {
  return new Stop(`${file}: ${error instanceof Error ? error.message : String(error)}`, exitCodes.usage)
}

function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}
