import assert from 'node:assert/strict'
import { blocksOf, codesOf, readPage } from '../docs/pages.ts'
import { programs, type Sandbox } from './sandbox.ts'

/** The blocks of a page that are run here, in their order. */
export const commandsOf = (page: string) =>
  blocksOf(readPage(page))
    .filter(({ language }) => language === 'sh deploy')
    .map(({ code }) => code)

/** Of codes in a sentence that begin with a word and a blank, those that are no commands. */
const noCommands = new Set(['alter role … set'])

/** The commands within sentences: a program, and at least one word for it. `name = value` and `name: value` are settings. */
export const inlineCommandsOf = (page: string) =>
  codesOf(readPage(page)).filter(
    (code) => /^(?:[A-Z_]+=\S* )*[a-z][\w.-]* (?!=)/.test(code) && !noCommands.has(code),
  )

/** Runs them in a shell that has run the blocks of the page. A program that nothing stands in for fails the test. */
export async function runInline(sandbox: Sandbox, page: string) {
  for (const code of inlineCommandsOf(page)) {
    const [, program = ''] = /^(?:[A-Z_]+=\S* )*(\S+)/.exec(code) ?? []
    assert.ok(programs.includes(program), `${page}: nothing stands in for ${program} of \`${code}\``)
    await sandbox.run(code)
  }
}
