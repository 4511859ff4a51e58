import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { terminalOf } from './terminal.ts'

// What the command does on its machine alone, without a service.

let home: string
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'chronos-home-'))
})
after(() => rm(home, { recursive: true }))

const chronos = (args: string[]) => terminalOf(home)(args)

test('what other schedulers have is carried over or said to be left out', async () => {
  async function imported(kind: string, files: Record<string, string>, ...more: string[]) {
    const folder = await mkdtemp(join(home, 'import-'))
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
    const paths = Object.keys(files).map((name) => join(folder, name))
    const { code, out } = await chronos(['import', kind, ...paths, '-o', '-', ...more])
    assert.equal(code, 0)
    return out
  }
  const crontab = await imported('crontab', {
    crontab: `# m h  dom mon dow   command
17 * * * * cd / && run-parts --report /etc/cron.hourly
#0 5 * * 1 tar -zcf /var/backups/home.tgz /home/
09,39 * * * * [ -x /usr/lib/php/sessionclean ] && /usr/lib/php/sessionclean
`,
  })
  assert.match(crontab, /^ {2}cd:$[^]*^ {2}sessionclean:$/m)
  const systemd = await imported('systemd', {
    'backup.timer': '[Timer]\nOnCalendar=Mon..Fri *-*-* 02:30:00 Europe/Berlin\n',
    'backup.service': '[Service]\nExecStartPre=/bin/lock\nExecStart=/bin/backup\nExecStart=/bin/prune\n',
  })
  assert.match(systemd, /schedule: 30 2 \* \* MON-FRI\n +timezone: Europe\/Berlin/)
  assert.match(systemd, /ExecStart=\/bin\/prune is left out[^]*ExecStartPre=\/bin\/lock is left out/)
  const kubernetes = await imported('kubernetes', {
    'job.yaml': `kind: CronJob
metadata: { name: nightly }
spec:
  schedule: CRON_TZ=Europe/Berlin 0 3 * * *
  jobTemplate:
    spec:
      completions: 3
      template:
        spec:
          initContainers: [{ name: wait }]
          containers:
            - { name: main, image: i, command: [run], envFrom: [{}], volumeMounts: [{}] }
            - { name: proxy }
`,
  })
  assert.doesNotMatch(kubernetes, /timezone/)
  for (const note of [/left out: wait, proxy/, /`envFrom`/, /volumes/, /ran 3 times/])
    assert.match(kubernetes, note)
})
