import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { keyOf } from '../support/key.ts'
import { apiKey, type Service, startService } from '../support/service.ts'
import { until } from '../support/until.ts'
import { terminalOf, type Typed } from './terminal.ts'

let service: Service
let home: string
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'chronos-home-'))
  service = await startService({
    env: { ENCRYPTION_KEY: keyOf(1).toString('base64') },
  })
})
after(async () => {
  await service.close()
  await rm(home, { recursive: true })
})

const chronos = (args: string[], typed?: Typed) => terminalOf(home)(args, typed)

const action = (path = '/hook') => ({ type: 'http', url: `${service.target.url}${path}` })

test('a login is tried, and kept in a file that only its owner may read', async () => {
  assert.equal((await chronos(['jobs'])).code, 4)
  const refused = await chronos(['login', service.url], { input: 'wrong' })
  assert.equal(refused.code, 4, refused.err)
  const { code, out } = await chronos(['login', `${service.url}/`], { input: `${apiKey}\n` })
  assert.equal(code, 0)
  assert.match(out, /Logged in/)
  const file = join(home, '.config/chronos/profiles.json')
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  assert.ok(!out.includes(apiKey))
  assert.equal((await chronos(['jobs'])).code, 0)
  const elsewhere = { CHRONOS_URL: 'http://127.0.0.1:9', CHRONOS_API_KEY: 'x' }
  const unreached = await chronos(['jobs'], { env: elsewhere })
  assert.deepEqual([unreached.code, /cannot be reached/.test(unreached.err)], [3, true])
})

test('a file is planned, asked about, applied and exported', async () => {
  const file = join(home, 'chronos.yaml')
  await writeFile(
    file,
    `owner: shop
jobs:
  backup: { schedule: every day at 3am, action: { type: http, url: '${service.target.url}/backup' } }
`,
  )
  const plan = await chronos(['plan', file, '--exit-code'])
  assert.equal(plan.code, 7)
  assert.match(plan.out, /^\+ backup$/m)
  assert.match(plan.out, /due after: {2}\d{4}-\d\d-\d\dT03:00:00/)
  // nobody to ask, and then a person who says no
  assert.equal((await chronos(['apply', file])).code, 2)
  assert.equal((await chronos(['apply', file], { answer: 'n' })).code, 1)
  assert.equal((await service.api('GET', '/api/jobs/by-key/backup')).status, 404)
  const applied = await chronos(['apply', file], { answer: 'y' })
  assert.match(applied.out, /^1 made, 0 changed/)
  assert.match((await chronos(['apply', file])).out, /Nothing to do/)
  const exported = await chronos(['export', '--owner', 'shop', '-o', join(home, 'out.yaml')])
  assert.equal(exported.code, 0)
  assert.match((await chronos(['plan', join(home, 'out.yaml'), '--prune'])).out, /Nothing to do/)
  assert.equal((await chronos(['plan', join(home, 'none.yaml')])).code, 2)
})

test('a file of jobs may be a program, whose default export it is', async () => {
  const jobs = `{ backup: { schedule: every, action: { type: 'http', url: '${service.target.url}/backup' } } }`
  const typed = join(home, 'jobs.ts')
  await writeFile(
    typed,
    `const every: string = 'every day at 4am'\nexport default { owner: 'shop', jobs: ${jobs} }\n`,
  )
  assert.match((await chronos(['plan', typed])).out, /schedule: "every day at 3am" → "every day at 4am"/)
  const compiled = join(home, 'jobs.cjs')
  await writeFile(
    compiled,
    `const every = 'every day at 5am'\nexports.__esModule = true\nexports.default = Promise.resolve({ owner: 'shop', jobs: ${jobs} })\n`,
  )
  assert.match((await chronos(['plan', compiled])).out, /→ "every day at 5am"/)
  for (const [text, message] of [
    ['export const jobs = {}', /has no default export that is a file of jobs/],
    ["throw new Error('no weekday')", /\.mjs: no weekday/],
  ] as const) {
    const wrong = join(home, `jobs-${text.length}.mjs`)
    await writeFile(wrong, text)
    const { code, err } = await chronos(['plan', wrong])
    assert.equal(code, 2)
    assert.match(err, message)
  }
  assert.equal((await chronos(['plan', join(home, 'none.ts')])).code, 2)
})

test('jobs are named by id, key or name; tables are for people and JSON for programs', async () => {
  const job = await service.makeJob({ name: 'Weekly report', action: action('/hook') })
  const byName = await chronos(['job', 'Weekly report', '--json'])
  const byId = await chronos(['--json', 'job', job.id])
  assert.equal(JSON.parse(byName.out).id, job.id)
  assert.equal(JSON.parse(byId.out).id, job.id)
  assert.match((await chronos(['job', 'backup'])).out, /every day at 3am/)
  const table = await chronos(['jobs'])
  assert.match(table.out, /^KEY OR ID +NAME +SCHEDULE +STATE/)
  assert.ok(!table.out.includes('\u001b'))
  assert.ok((await chronos(['jobs'], { isTerminal: true })).out.includes('\u001b[32mscheduled'))
  assert.ok(!(await chronos(['jobs'], { isTerminal: true, env: { NO_COLOR: '1' } })).out.includes('\u001b'))
  await service.makeJob({ name: 'Weekly report' })
  const several = await chronos(['job', 'Weekly report'])
  assert.deepEqual([several.code, several.err.includes(job.id)], [6, true])
  const near = await chronos(['job', 'Weekly'])
  assert.deepEqual([near.code, /Did you mean "Weekly report"/.test(near.err)], [5, true])
  assert.equal((await chronos(['jbos'])).code, 2)
  assert.equal((await chronos(['next', 'backup', '-n', '2'])).out.trim().split('\n').length, 2)
  assert.match((await chronos(['next', '--schedule', '0 9 * * 1-5'])).out, /Monday/)
})

test('a run is started, followed and told; a failed one ends with 1 and is explained', async () => {
  service.target.behave('/good', { does: 'status', body: 'fine' })
  service.target.behave('/bad', { does: 'status', value: 500, body: 'no' })
  await service.makeJob({ name: 'good', key: 'good', action: action('/good') })
  await service.makeJob({ name: 'bad', key: 'bad', action: action('/bad') })
  const good = await chronos(['run', 'good', '--follow'])
  assert.equal(good.code, 0, good.err)
  assert.match(good.out, /succeeded after/)
  const bad = await chronos(['run', 'bad', '--follow'])
  assert.equal(bad.code, 1)
  assert.match(bad.out, /failed/)
  const failed = await chronos(['runs', '--failed', '--since', '2h', '--json', 'bad'])
  const [run] = JSON.parse(failed.out)
  assert.equal(run.job_name, 'bad')
  assert.equal((await chronos(['logs', run.id])).code, 0)
  // the arm of what comes next may be under way
  await until('it is armed', async () => (await service.api('GET', '/api/jobs/by-key/bad')).body.job.armed)
  const why = await chronos(['why', 'bad'])
  assert.match(why.out, /Started by hand .*: failed/)
  assert.match(why.out, new RegExp(`run ${run.id}`))
  assert.match(why.out, /The timer service holds its wake-up/)
  assert.match(why.out, /nothing is sent to anyone/)
})

test('what a target writes cannot steer the terminal of a person; programs get it as it is', async () => {
  const steers = '\u001b]0;title\u0007\u001b[2J\u001b[31mred\u001b[0m'
  service.target.behave('/steers', { does: 'status', body: steers })
  await service.makeJob({ name: 'steers', key: 'steers', action: action('/steers') })
  const run = await chronos(['run', 'steers', '--follow'], { isTerminal: true })
  assert.ok(run.out.includes('\u001b[31mred\u001b[0m'), JSON.stringify(run.out))
  for (const one of ['\u001b]', '\u001b[2J', '\u0007'])
    assert.ok(!run.out.includes(one), JSON.stringify(run.out))
  const [{ id }] = JSON.parse((await chronos(['runs', '--job', 'steers', '--json'])).out)
  assert.equal((await chronos(['logs', id])).out, steers)
})

test('a pause is told with its reason, and ends', async () => {
  assert.equal((await chronos(['pause', 'backup', '--reason', 'moving'])).code, 0)
  assert.match((await chronos(['why', 'backup'])).out, /has been paused since .*: moving/)
  assert.match((await chronos(['resume', 'backup'])).out, /goes on/)
})

test('a pause of everything is told by the status and by the story of a job, with who and why', async () => {
  assert.match(
    (await chronos(['pause', '--all', '--reason', 'moving house'])).out,
    /^Everything is paused since/,
  )
  const told = /paused since .*, by API_KEY: moving house/
  assert.match((await chronos(['status'])).out, told)
  assert.match((await chronos(['why', 'backup'])).out, told)
  assert.match((await chronos(['resume', '--all'])).out, /^Everything goes on/)
  assert.doesNotMatch((await chronos(['status'])).out, /paused since/)
  assert.doesNotMatch((await chronos(['why', 'backup'])).out, /No run begins/)
})

test('secrets come from standard input, and are never shown', async () => {
  const { code, out, err } = await chronos(['secrets', 'set', 'TOKEN'], { input: 'a-long-secret-value\n' })
  assert.deepEqual([code, (out + err).includes('a-long-secret')], [0, false])
  assert.match((await chronos(['secrets'])).out, /TOKEN/)
  const channel = JSON.stringify({ type: 'webhook', url: `${service.target.url}/told` })
  assert.equal((await chronos(['channels', 'set', 'team'], { input: channel })).code, 0)
  assert.match((await chronos(['channels'])).out, /team +webhook/)
  const made = await chronos(['keys', 'make', 'reader', '--scope', 'jobs:read'])
  assert.match(made.out, /^chr_[\w-]+\n$/)
  const asReader = { CHRONOS_URL: service.url, CHRONOS_API_KEY: made.out.trim() }
  const refused = await chronos(['pause', 'backup'], { env: asReader })
  assert.deepEqual([refused.code, /SCOPE_MISSING/.test(refused.err)], [4, true])
})

test('the service is looked at from outside', async () => {
  const { out } = await chronos(['status'])
  assert.match(out, /ok .*woken by chronos/)
  assert.match(out, /^jobs   \d+ scheduled, \d+ paused, \d+ completed, \d+ in error$/m)
  const well = await chronos(['doctor'])
  assert.match(well.out, /✔ it takes the API key/)
  const wrong = await chronos(['doctor'], { env: { CHRONOS_URL: service.url, CHRONOS_API_KEY: 'wrong' } })
  assert.deepEqual([wrong.code, /✖ it does not take the API key/.test(wrong.out)], [1, true])
})

test('each command has help, and shells complete it', async () => {
  const help = await chronos(['help'])
  assert.equal(help.code, 0)
  for (const [, name = ''] of help.out.matchAll(/^ {2}([a-z]+)[ |]/gm))
    assert.equal((await chronos([name, '--help'])).code, 0, name)
  for (const shell of ['bash', 'zsh', 'fish'])
    assert.match((await chronos(['completion', shell])).out, /secrets/)
  assert.equal((await chronos(['completion', 'tcsh'])).code, 2)
})

test('the file that a crontab becomes is one that the service takes', async () => {
  const crontab = join(home, 'crontab.txt')
  await writeFile(
    crontab,
    `MAILTO=ops@example.com
CRON_TZ=Europe/Berlin
# Nightly backup
0 3 * * * /usr/local/bin/backup.sh --full > /var/log/backup.log
*/5 * * * * curl -fsS https://ping.example/abc > /dev/null
30 8 * * 1 mail -s "Week \\%V" ops%Hello,%all is well
@reboot /usr/local/bin/once
`,
  )
  const output = join(home, 'imported.yaml')
  const done = await chronos(['import', 'crontab', crontab, '-o', output, '--owner', 'old'])
  assert.equal(done.code, 0, done.err)
  assert.match(done.err, /✖ line 7: @reboot/)
  const text = await readFile(output, 'utf8')
  assert.match(text, /^ {2}# line 4: 0 3 \* \* \* .*backup\.sh/m)
  assert.match(text, /MAILTO=ops@example\.com: make a channel/)
  assert.match(text, /NOT CARRIED OVER: line 7/)
  const { jobs } = (await import('yaml')).parse(text)
  assert.deepEqual(Object.keys(jobs), ['nightly-backup', 'curl', 'mail'])
  assert.deepEqual(jobs.curl.action, { type: 'http', method: 'GET', url: 'https://ping.example/abc' })
  assert.deepEqual(jobs.mail.action.args, ['-c', 'mail -s "Week %V" ops'])
  assert.equal(jobs.mail.action.stdin, 'Hello,\nall is well\n')
  assert.equal(jobs['nightly-backup'].timezone, 'Europe/Berlin')
  // programs are off here, and the service says so of each; what is written is read
  const plan = await chronos(['plan', output])
  assert.match(plan.err, /jobs\.nightly-backup.*COMMANDS/)
  assert.equal((await chronos(['import', 'crontab', crontab, '-o', output])).code, 6)
})

test('costs are told by day and by job, and are the same as those of the API', async () => {
  const { body } = await service.api('POST', '/api/jobs', {
    ...{ name: 'counted', schedule: 'every 1h', action: action('/counted') },
  })
  const run = await service.api('POST', `/api/jobs/${body.job.id}/run`, {})
  await until('it has run', async () => {
    const { body: found } = await service.api('GET', `/api/runs/${run.body.run.id}`)
    return found.run.state === 'succeeded'
  })
  const { body: costs } = await service.api('GET', '/api/costs')
  const today: string = costs.to
  const byDay = await chronos(['costs'])
  assert.match(byDay.out, /^DAY +RUNS +ATTEMPTS +BUSY +TOKENS +COST +AWAKE +STARTS$/m, byDay.err)
  assert.match(byDay.out, new RegExp(`^${today} +${costs.totals.runs} +${costs.totals.attempts} `, 'm'))
  assert.match(
    byDay.out,
    new RegExp(`^all +${costs.totals.runs} [^]*\n${costs.forecast.month} comes to `, 'm'),
  )
  const byJob = await chronos(['costs', '--by', 'job', '--since', 'today'])
  assert.match(byJob.out, /^JOB +RUNS +ATTEMPTS [^]*^counted +1 +1 [^]*^all +/m)
  const told = JSON.parse((await chronos(['costs', '--json', '--since', '3d'])).out)
  assert.equal(Date.parse(told.to) - Date.parse(told.from), 3 * 86_400_000)
  assert.equal((await chronos(['costs', '--by', 'week'])).code, 2)
})
