import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { parse } from 'yaml'
import type { Json } from '../support/service.ts'
import { renderJson } from '../../src/template/index.ts'
import { github, kubernetes, type Vector, vercel } from './import-vectors.ts'
import { terminalOf } from './terminal.ts'

// What the command makes of other schedulers' files, without a service.

let home: string
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'chronos-home-'))
})
after(() => rm(home, { recursive: true }))

/** The jobs of the file that is written, its text, and what the terminal shows. */
async function imported(kind: string, files: Record<string, string>, ...more: string[]) {
  const folder = await mkdtemp(join(home, 'import-'))
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  const paths = Object.keys(files).map((name) => join(folder, name))
  const { code, out, err } = await terminalOf(home)(['import', kind, ...paths, '-o', '-', ...more])
  assert.equal(code, 0, err)
  return { jobs: (parse(out).jobs ?? {}) as Record<string, Json>, text: out, err }
}

test('lines of a crontab are named by the comment above them, or by what they run', async () => {
  const { jobs } = await imported('crontab', {
    crontab: `# m h  dom mon dow   command
17 * * * * cd / && run-parts --report /etc/cron.hourly
#0 5 * * 1 tar -zcf /var/backups/home.tgz /home/
09,39 * * * * [ -x /usr/lib/php/sessionclean ] && /usr/lib/php/sessionclean
#MAILTO=somebody@example.com
3 4 * * 0 nice -n 19 ionice -c2 -n7 /usr/local/bin/rotate --keep 30
*/5 * * * * timeout 4m flock -n /run/s.lock bash -lc 'cd ~/app; ./sync.sh'
0 1 * * * sudo -u postgres LANG=C vacuumdb --all
#### Sundays, old logs ####
# (takes an hour)
4 4 * * 0 /opt/logs
# Größe prüfen
5 4 * * 0 /opt/size
# Familie ${'👩‍👩‍👧‍👦'.repeat(30)}
6 4 * * 0 /opt/family
`,
  })
  const keys = [
    'run-parts',
    'sessionclean',
    'rotate',
    'sync-sh',
    'vacuumdb',
    'sundays-old-logs',
    'grosse-prufen',
  ]
  assert.deepEqual(Object.keys(jobs), [...keys, 'familie'])
  const { name } = jobs['familie'] ?? {}
  assert.ok(name.length <= 200)
  assert.match(name, /^Familie (👩‍👩‍👧‍👦)+$/u, 'no emoji is cut')
})

test('each user of a system crontab is taken off, also if only the head of the columns tells of users', async () => {
  const line = '25 6\t* * *\troot\ttest -x /usr/sbin/anacron || { cd / && run-parts /etc/cron.daily; }\n'
  const head = '# *  *  *  *  * user-name command to be executed\n'
  for (const [text, more] of [
    [line, ['--system']],
    [head + line, []],
  ] as const) {
    const { jobs, err } = await imported('crontab', { crontab: text }, ...more)
    assert.match(jobs['run-parts']?.action.args[1], /^test -x/)
    assert.match(err, /It ran as root/)
  }
})

test('a call of curl or wget is an http action if nothing of it is lost', async () => {
  const { jobs, err } = await imported('crontab', {
    crontab: `# ping
0 9 * * * curl -fsS -m 10 --retry 5 -o /dev/null https://hc.example/ping/1
# query
1 9 * * * /usr/bin/wget -q -O - "https://shop.example/cron.php?a=1&b=2" >/dev/null 2>&1
# unquoted
2 9 * * * wget -qO- https://shop.example/cron.php?key=abc > /dev/null
# post
3 9 * * * curl -X PUT -H 'X-Api-Key: k' -H "Content-Type: application/json" -d '{"a":{"b":1}}' https://a.example/x
# form
4 9 * * * curl --data=a=1 https://a.example/form
# saved
5 9 * * * curl -s https://feeds.example/rates.xml -o /var/www/rates.xml
# logged
6 9 * * * curl -s https://a.example/x >> /var/log/x.log 2>&1
# expanded
7 9 * * * curl -s "https://a.example/x?day=$(date +\\%F)"
# unknown
8 9 * * * curl -sk https://a.example/x
`,
  })
  const actionOf = (key: string) => jobs[key]?.action
  assert.deepEqual(actionOf('ping'), {
    ...{ type: 'http', method: 'GET', url: 'https://hc.example/ping/1', timeout_ms: 10_000 },
  })
  assert.equal(actionOf('query').url, 'https://shop.example/cron.php?a=1&b=2')
  assert.equal(actionOf('unquoted').url, 'https://shop.example/cron.php?key=abc')
  assert.deepEqual(actionOf('post'), {
    ...{ type: 'http', method: 'PUT', url: 'https://a.example/x', body: '{"a":{"b":1}}' },
    headers: { 'X-Api-Key': 'k', 'Content-Type': 'application/json' },
  })
  assert.deepEqual(actionOf('form').headers, { 'content-type': 'application/x-www-form-urlencoded' })
  for (const key of ['saved', 'logged', 'expanded', 'unknown'])
    assert.equal(actionOf(key).type, 'command', key)
  assert.match(err, /X-Api-Key.*A credential stands in it/)
  assert.match(err, /--retry 5 is `retry`/)
  assert.match(err, /^Of 5 jobs: The call became an http action\.$/m, 'what holds for many is told once')
})

test('the zone of the machine is that of jobs that name none', async () => {
  const crontab = '0 9 * * * /opt/a\nCRON_TZ=Asia/Tokyo\n0 9 * * * /opt/b\n0~29 ~ * * * /opt/c\n'
  const { jobs, err } = await imported('crontab', { crontab }, '--timezone', 'Europe/Berlin')
  assert.deepEqual([jobs['a']?.timezone, jobs['b']?.timezone], ['Europe/Berlin', 'Asia/Tokyo'])
  assert.equal(jobs['c']?.schedule, 'H(0-29) H * * *')
  assert.doesNotMatch(err, /--timezone/)
  assert.match((await imported('crontab', { crontab })).err, /If the machine has another: --timezone/)
})

test('timers are carried over with their services', async () => {
  const { jobs, text } = await imported('systemd', {
    'backup.timer': `[Timer]
OnCalendar=hourly
OnCalendar=
OnCalendar=Mon *-*-1..7
OnCalendar=Fri 17:00
RandomizedDelaySec=1h 30min
Persistent=yes
`,
    'backup.service': `[Service]
Type=oneshot
User=backup
TimeoutStartSec=10min
ExecStartPre=/bin/lock
ExecStart=-/bin/backup --to "/mnt/a b"
ExecStart=/bin/prune
`,
    'poll.timer': '[Timer]\nOnBootSec=60s\nOnUnitActiveSec=1d 12hours\nUnit=other.service\n',
    'other.service': '[Service]\nExecStart=/bin/poll %i 100%%\n',
    'odd.timer': '[Timer]\nOnUnitActiveSec=5 parsecs\n',
  })
  const {
    schedule,
    jitter_ms: jitterMs,
    timeout_ms: timeoutMs,
    catch_up: catchUp,
    action,
  } = jobs['backup'] ?? {}
  assert.deepEqual(schedule, ['Mon *-*-1..7 00:00:00', 'Fri *-*-* 17:00:00'])
  assert.deepEqual([jitterMs, timeoutMs, catchUp], [5_400_000, 600_000, 'latest'])
  assert.deepEqual(action, { type: 'command', command: '/bin/backup', args: ['--to', '/mnt/a b'] })
  assert.equal(jobs['poll']?.schedule, 'every 36h')
  assert.match(text, /ExecStart=\/bin\/prune is left out[^]*ExecStartPre=\/bin\/lock is left out/)
  assert.match(text, /what systemd fills in \(such as %i or %h\): \/bin\/poll %i 100%\./)
  assert.match(text, /NOT CARRIED OVER: odd\.timer: OnUnitActiveSec=5 parsecs/)
})

test('workflows of GitHub are one job each, with what they need to be started by it', async () => {
  const { jobs, err } = await imported(
    'github',
    {
      'nightly.yml': `name: Nightly
on:
  schedule: [{ cron: '0  3 * * *' }, { cron: '0 13 * * 1' }]
  workflow_dispatch: { inputs: { date: { required: true }, dry: { required: true, default: 'no' } } }
jobs: { x: { if: "github.event_name == 'schedule' || github.event.schedule == '0 13 * * 1'" } }
`,
      'tab.yml': 'name: x\n\ton: y\n',
      'push.yml': 'on: [push, schedule]\n',
    },
    ...['--repo', 'me/shop'],
  )
  assert.deepEqual(Object.keys(jobs), ['nightly'])
  assert.deepEqual(jobs['nightly']?.schedule, ['0 3 * * *', '0 13 * * 1'])
  assert.match(
    jobs['nightly']?.action.url,
    /\/repos\/me\/shop\/actions\/workflows\/nightly\.yml\/dispatches$/,
  )
  assert.match(err, /It needs inputs: write date into/)
  assert.match(err, /asks for github\.event\.schedule, which is empty then, and for github\.event_name/)
  assert.match(err, /✖ tab\.yml: It cannot be read: Tabs/)
})

test('crons of Vercel are named by their paths', async () => {
  const crons = ['/api/cron/digest', '/', '/api/v1/publish?key=abc', 'api/x/'].map((path) => ({
    path,
    schedule: '0 5 * * *',
  }))
  const { jobs, err } = await imported('vercel', { 'vercel.json': JSON.stringify({ crons }) })
  assert.deepEqual(Object.keys(jobs), ['digest', 'root', 'v1-publish', 'x'])
  assert.equal(jobs['x']?.action.url, 'https://YOUR-APP.example/api/x/')
  assert.match(err, /publish.*A credential stands in the path/)
})

test('CronJobs of Kubernetes are carried over with what stands in them', async () => {
  const cronJob = (name: string, container: string, more = '') => `kind: CronJob
metadata: { name: ${name} }
spec:
  schedule: CRON_TZ=Europe/Berlin 0 3 * * *
  jobTemplate: { spec: { ${more} template: { spec: { initContainers: [{ name: wait }], containers: [${container}, { name: proxy }] } } } }
`
  const { jobs, text } = await imported('kubernetes', {
    'jobs.yaml': [
      cronJob(
        'nightly',
        `{ name: main, image: i, command: [run, $(TARGET), $(ELSE)], envFrom: [{}], volumeMounts: [{}], env: [
          { name: TARGET, value: prod }, { name: my-var, value: x },
          { name: PASSWORD, valueFrom: { secretKeyRef: { name: a, key: b } } }, { name: NODE, valueFrom: { fieldRef: {} } }] }`,
        'completions: 3, backoffLimit: 20,',
      ),
      cronJob('ping', '{ image: "curlimages/curl:8.5.0", args: [-fsS, -X, POST, https://app.example/ping] }'),
      cronJob(
        'shell',
        '{ image: busybox, command: [sh, -c], args: ["wget -qO- http://app/cron > /dev/null"] }',
      ),
      cronJob('entry', '{ image: me/app, args: [sync] }'),
      'kind: CronJob\nmetadata: { name: none }\n',
      'kind: CronJob\nmetadata:\n  name: {{ include "fullname" . }}\n',
    ].join('---\n'),
  })
  assert.doesNotMatch(text, /timezone/)
  assert.deepEqual(jobs['nightly']?.action, {
    ...{ type: 'command', command: 'run', args: ['prod', '$(ELSE)'] },
    env: { TARGET: 'prod', PASSWORD: '{{secrets.PASSWORD}}' },
  })
  assert.deepEqual(jobs['nightly']?.retry, { attempts: 21 })
  assert.equal(jobs['ping']?.action.method, 'POST')
  assert.equal(jobs['shell']?.action.url, 'http://app/cron')
  assert.deepEqual(Object.keys(jobs), ['nightly', 'ping', 'shell'])
  for (const note of [
    ...[/left out: wait, proxy/, /`envFrom`/, /volumes/, /ran 3 times/, /filled in \$\(ELSE\)/],
    ...[/Store as secrets: PASSWORD/, /variables are left out: my-var, NODE/],
    ...[/entry: Its image me\/app says what runs/, /none: It has no schedule/, /helm template/],
  ])
    assert.match(text, note)
})

const vectors: [string, string, Vector[], string[]][] = [
  ['github', 'file.yml', github, ['--repo', 'me/shop']],
  ['kubernetes', 'file.yaml', kubernetes, []],
  ['vercel', 'vercel.json', vercel, ['--url', 'https://shop.example']],
]
for (const [kind, file, all, usual] of vectors)
  for (const { what, text: given, options = usual, jobs: expected, says = [], never = [] } of all)
    test(`${kind}: ${what}`, async () => {
      const { jobs, text, err } = await imported(kind, { [file]: given }, ...options)
      assert.deepEqual(Object.keys(jobs), Object.keys(expected))
      assert.partialDeepStrictEqual(jobs, expected)
      for (const one of says) assert.match(text + err, one)
      for (const one of never) assert.doesNotMatch(text + err, one)
    })

test('two braces in what is carried over come out as they stood', async () => {
  const line = `docker ps --format '{{.ID}} {{{json .}}' | x "}}"`
  const { jobs: crontab } = await imported('crontab', {
    crontab: `A={{a}}\n0 1 * * * ${line}%{{stdin}}\n0 2 * * * curl -d '{{"a"}}' 'https://a.example/{{x}}'\n`,
  })
  assert.partialDeepStrictEqual(renderJson(crontab['docker']?.action, {}), {
    ...{ args: ['-c', line], env: { A: '{{a}}' }, stdin: '{{stdin}}\n' },
  })
  assert.partialDeepStrictEqual(renderJson(crontab['curl']?.action, {}), {
    ...{ url: 'https://a.example/{{x}}', body: '{{"a"}}' },
  })
  const { jobs: systemd } = await imported('systemd', {
    'a.timer': '[Timer]\nOnCalendar=daily\n',
    'a.service': `[Service]\nEnvironment="F={{.ID}}"\nExecStart=/bin/a --format '{{.Names}}'\n`,
  })
  assert.partialDeepStrictEqual(renderJson(systemd['a']?.action, {}), {
    ...{ args: ['--format', '{{.Names}}'], env: { F: '{{.ID}}' } },
  })
})
