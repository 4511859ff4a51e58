import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import type { Kept } from '../../dev/start/home.ts'
import { copyProject, isFree, occupy, processesOf, type Started } from './setup.ts'
import { until } from '../support/until.ts'

const call = /^(\S+) target +POST \/hello (\w+):(\S+)$/

type Project = Awaited<ReturnType<typeof copyProject>>

describe('one command from nothing to a job that fires', () => {
  let project: Project
  let port: number
  let jobId: string
  let apiKey: string
  let started: Started | undefined
  before(async () => {
    project = await copyProject()
    const free = await occupy()
    port = free.port
    await free.free()
  })
  after(async () => {
    started?.kill('SIGKILL')
    await started?.ended
    await untilGone(project.folder)
    await project.remove()
  })

  test('the printed curl makes a job that calls its target within a second of its instant, twice', async () => {
    started = project.start({ PORT: String(port) })
    const ready = await started.ready()
    assert.equal(ready.baseUrl, `http://127.0.0.1:${port}`)
    apiKey = ready.apiKey
    const { stdout } = await promisify(execFile)('sh', ['-c', `${ready.command} -s`])
    const { job } = JSON.parse(stdout) as { job: { id: string; created_at: string; next_run_at: string } }
    jobId = job.id
    assert.equal(Date.parse(job.next_run_at) - Date.parse(job.created_at) <= 5_000, true)
    // twice in a row, or of a few on a machine that is busy with something else
    let inTime = 0
    for (let n = 0; inTime < 2; n++) {
      const slot = laterBy(job.next_run_at, n * 5_000)
      const found: RegExpExecArray = await started.waitForLine(
        new RegExp(call.source.replace('(\\S+)$', `${slot}$`)),
        { withinMs: 20_000 },
      )
      const [, at = '', id] = found
      assert.equal(id, jobId)
      const lateMs = Date.parse(`${slot.slice(0, 11)}${at}Z`) - Date.parse(slot)
      if (lateMs < 1_000) inTime += 1
      assert.ok(lateMs >= 0 && n - inTime < 4, `${lateMs} ms late`)
    }
  })

  test('the printed link signs in once', async () => {
    const { pageUrl, baseUrl } = (await started?.ready()) ?? { pageUrl: '', baseUrl: '' }
    const { origin, pathname, hash } = new URL(pageUrl)
    assert.deepEqual([origin, pathname], [baseUrl, '/'])
    const token = new URLSearchParams(hash.slice(1)).get('token')
    const signIn = () =>
      fetch(`${baseUrl}/api/session`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-chronos-page': '1' },
        body: JSON.stringify({ token }),
      })
    assert.deepEqual([(await signIn()).status, (await signIn()).status], [201, 401])
  })

  test('a newcomer is reminded of a channel for failures', async () => {
    assert.ok(started)
    await started.waitForLine(/^[\d:.]{12} service +No default channel receives failures, /)
  })

  test('its fire, its run and its next arm are lines that a person can read', async () => {
    assert.ok(started)
    await started.waitForLine(new RegExp(`^[\\d:.]{12} nas +→ fire ${jobId} at `))
    await started.waitForLine(new RegExp(`^[\\d:.]{12} service +run begins +job=${jobId} run=\\S+ slot=\\S+`))
    await started.waitForLine(
      new RegExp(
        `^[\\d:.]{12} service +run ends +job=${jobId} run=\\S+ slot=\\S+ attempt=1 ms=\\d+ state=succeeded`,
      ),
    )
    await started.waitForLine(new RegExp(`^[\\d:.]{12} nas +← provision ${jobId} for .* 200$`))
    await started.waitForLine(new RegExp(`^[\\d:.]{12} nas +← ${jobId} answered 202 accepted`))
    const odd = started.lines.filter((line) => /^\{|ERROR|WARN|NAS_ACCESS_TOKEN/.test(line))
    assert.deepEqual(odd, [])
  })

  test('what is secret is readable by its owner only', async () => {
    for (const name of ['start.json', 'nas.json']) {
      assert.equal((await stat(join(project.folder, '.chronos', name))).mode & 0o777, 0o600)
    }
  })

  test('a second start in the folder is refused, naming the first', async () => {
    const second = project.start()
    assert.equal(await second.ended, 1)
    assert.match(
      second.text(),
      new RegExp(`^Chronos already runs from this folder \\(process ${started?.pid}\\)`),
    )
    assert.equal(second.lines.length, 1)
  })

  test('Ctrl-C ends everything: no process, no port, no lock is left', async () => {
    assert.equal(await started?.interrupt(), 0)
    assert.deepEqual(await processesOf(project.folder), [])
    const { nasPort, proxyPort, targetPort } = await readKept(project.folder)
    for (const one of [port, nasPort, proxyPort, targetPort])
      assert.equal(await isFree(one), true, `port ${one}`)
    const left = await readdir(join(project.folder, '.chronos'))
    assert.deepEqual(left.toSorted(), ['compile-cache', 'nas.json', 'postgres', 'start.json'])
  })

  test('the next start, on another port, has the same key and fires the job that became due meanwhile', async () => {
    started = project.start()
    const ready = await started.ready()
    assert.equal(ready.apiKey, apiKey)
    await started.waitForLine(/ start +jobs of earlier starts: "hello" \(every 5s\)/)
    const [, , id, slot] = await started.waitForLine(call, { withinMs: 5_000 })
    assert.equal(id, jobId)
    // not always the next slot: a first run that takes longer than the period has it skipped (overlap)
    await started.waitForLine(new RegExp(call.source.replace('(\\S+)$', `(?!${slot}$)\\S+$`)))
    assert.equal(started.text().includes('logged_in'), false, 'the login of the first start goes on')
  })

  test('when the launcher is killed its parts go too', async () => {
    started?.kill('SIGKILL')
    await started?.ended
    await untilGone(project.folder)
  })
})

async function readKept(folder: string): Promise<Kept> {
  return JSON.parse(await readFile(join(folder, '.chronos', 'start.json'), 'utf8')) as Kept
}

function laterBy(instant: string, ms: number): string {
  return new Date(Date.parse(instant) + ms).toISOString()
}

/** Which processes were left is the answer, if any stay. */
async function untilGone(folder: string): Promise<void> {
  let left: string[] = []
  await until('every process is gone', async () => {
    left = await processesOf(folder)
    return left.length === 0
  }).catch(() => assert.fail(`still there: ${left.join('\n')}`))
}
