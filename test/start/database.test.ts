import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { copyProject, processesOf } from './setup.ts'
import { until } from '../support/until.ts'

const project = await copyProject()
after(project.remove)

// Stays up until its input ends, and then ends without stopping anything: as a service that has left its work.
const program = `
  import { startDevelopmentDatabase } from './dev/start/database.ts'
  console.log(await startDevelopmentDatabase())
  process.stdin.resume().once('end', () => process.exit(0))`

function startProgram() {
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], {
    cwd: project.folder,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const url = once(createInterface(child.stdout), 'line').then(([line]) => String(line))
  const ended = once(child, 'close')
  return {
    url,
    async end() {
      child.stdin.end()
      await ended
    },
  }
}

test('of three programs that want the development database one starts it, the others join, and it goes with its starter', async () => {
  const programs = [startProgram(), startProgram(), startProgram()]
  const urls = await Promise.all(programs.map(({ url }) => url))
  assert.match(urls[0] ?? '', /^postgres:\/\/chronos:.+@127\.0\.0\.1:\d+\/postgres$/)
  assert.equal(new Set(urls).size, 1)
  await Promise.all(programs.map(({ end }) => end()))
  await until('every process is gone', async () => (await processesOf(project.folder)).length === 0)
})
