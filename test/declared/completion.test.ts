import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { needPrograms } from '../support/programs.ts'
import { terminalOf } from './terminal.ts'

// The scripts in the shells that they are for: a person's keys on a terminal, and what stands on the line after Tab.

const run = promisify(execFile)

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chronos-shells-'))
  needPrograms('zsh', 'fish')
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { out } = await terminalOf(folder)(['completion', shell])
    await writeFile(join(folder, `completion.${shell}`), out)
  }
  await writeFile(join(folder, 'jobs.yaml'), '')
  await writeFile(join(folder, 'drive.zsh'), driver)
  await writeFile(join(folder, 'bashrc'), `PS1='> '\nsource ${folder}/completion.bash\n`)
  // npm sets EDITOR to vi, for which zsh would take other keys
  const zshrc = "PS1='> '\nbindkey -e\nautoload -Uz compinit\n"
  for (const [name, text] of [
    ['sourced', `${zshrc}compinit -u -D\nsource ${folder}/completion.zsh\n`],
    ['found', `fpath=(${folder}/functions $fpath)\n${zshrc}compinit -u -D\n`],
  ] as const) {
    await mkdir(join(folder, name))
    await writeFile(join(folder, name, '.zshrc'), text)
  }
  await mkdir(join(folder, 'functions'))
  const { out } = await terminalOf(folder)(['completion', 'zsh'])
  await writeFile(join(folder, 'functions/_chronos'), out)
})
after(() => rm(folder, { recursive: true }))

/** A terminal of zsh's own module. It waits for the prompt, with which the shell reads keys. After the keys and Tab it puts the line between brackets and lets `echo` show it. */
const driver = String.raw`
zmodload zsh/zpty
zpty -b pty "$1"
zpty -r -m pty got '*> *'
zpty -w -n pty "$2"$'\t\x01echo "[\x05]"\n'
zpty -r -m pty got '*'$'\n''\[*\]*'
print -r -- "${'${'}got##*$'\n'\[}"
zpty -d pty
`

async function lineAfterTab(shell: string, typed: string): Promise<string> {
  const { stdout } = await run('zsh', ['-f', join(folder, 'drive.zsh'), shell, typed], {
    cwd: folder,
    timeout: 60_000,
  })
  return stdout.split(']')[0]?.trim() ?? ''
}

const lines: [typed: string, completed: string][] = [
  ['chronos se', 'chronos secrets'],
  ['chronos secrets s', 'chronos secrets set'],
  ['chronos runs --fa', 'chronos runs --failed'],
  ['chronos runs --js', 'chronos runs --json'],
  ['chronos --prof', 'chronos --profile'],
  // the value of an option is no command
  ['chronos --profile jobs secrets s', 'chronos --profile jobs secrets set'],
  ['chronos jobs --state pa', 'chronos jobs --state paused'],
  ['chronos import cr', 'chronos import crontab'],
  ['chronos import crontab jo', 'chronos import crontab jobs.yaml'],
  ['chronos plan jo', 'chronos plan jobs.yaml'],
]

test('bash completes commands, options, values and files', async () => {
  for (const [typed, completed] of lines)
    assert.equal(await lineAfterTab(`bash --rcfile ${folder}/bashrc -i`, typed), completed)
})

test('zsh completes them, also at the first Tab of a function that it finds itself', async () => {
  for (const [typed, completed] of lines)
    assert.equal(await lineAfterTab(`ZDOTDIR=${folder}/sourced zsh -i`, typed), completed)
  for (const [typed, completed] of lines.slice(0, 2))
    assert.equal(await lineAfterTab(`ZDOTDIR=${folder}/found zsh -i`, typed), completed)
})

test('fish completes them, and says what each is', async () => {
  const offered = async (typed: string) => {
    const { stdout, stderr } = await run(
      'fish',
      ['--no-config', '-c', `source ${folder}/completion.fish; complete -C '${typed}'`],
      { cwd: folder, env: { ...process.env, HOME: folder } },
    )
    assert.equal(stderr, '')
    return stdout.trim().split('\n').filter(Boolean)
  }
  for (const [typed, completed] of lines) {
    const words = (await offered(typed)).map((line) => line.split('\t')[0])
    assert.deepEqual(words, [completed.split(' ').at(-1)], typed)
  }
  assert.deepEqual(await offered('chronos why'), ['why\tthe story of its last slots and of its wake-up'])
  assert.deepEqual(await offered('chronos job jo'), [], 'a job is no file')
})
