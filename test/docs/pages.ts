import { readFileSync } from 'node:fs'
import { glob, readdir } from 'node:fs/promises'

export type Page = {
  path: string
  text: string
  /** The text without code blocks, fenced or indented: what is prose, links and tables. */
  prose: string
}

/** Every page for people, by its path from the project's root. */
export async function readPages(): Promise<Page[]> {
  const paths = await Array.fromAsync(glob(['*.md', 'docs/**/*.md']))
  return paths.toSorted().map(readPage)
}

export function readPage(path: string): Page {
  const text = readFileSync(path, 'utf8')
  const prose = text.replaceAll(/^```[^]*?^```$/gm, '').replaceAll(/^ {4}.*$/gm, '')
  return { path, text, prose }
}

export type Block = { language: string; code: string }

/** The fenced blocks of a page. `language` is the whole line behind the fence. */
export function blocksOf({ text }: Page): Block[] {
  return [...text.matchAll(/^```(.+)\n([^]*?)^```$/gm)].map(([, language = '', code = '']) => ({
    language,
    code,
  }))
}

/** What stands between backticks in the prose, each once. */
export function codesOf({ prose }: Page): string[] {
  return [...new Set([...prose.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code))]
}

/** The cells of every table row that begins with a code, by the heading that the table stands under. */
export function tableUnder({ text }: Page, heading: string): string[][] {
  const [, section = ''] = text.split(new RegExp(`^## ${heading}$`, 'm'))
  const [own = ''] = section.split(/^## /m)
  return [...own.matchAll(/^\| (`.*) \|$/gm)].map(([, row = '']) => row.split(' | '))
}

/** Where a heading is reached, as GitHub names it. */
export function anchorsOf({ prose }: Page): string[] {
  return [...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** Every TypeScript file below the folders. (Not by `glob`: knip takes what a glob names for files that are in use.) */
export async function typescriptIn(folders: string[]): Promise<string[]> {
  const found = await Promise.all(
    folders.map(async (folder) => {
      const paths = await readdir(folder, { recursive: true })
      return paths.map((path) => `${folder}/${path}`)
    }),
  )
  return found.flat().filter((path) => path.endsWith('.ts'))
}
