import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { stringify } from 'yaml'
import { apiKey, type Service, startService } from '../support/service.ts'
import { terminalOf } from './terminal.ts'

let service: Service
let home: string
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'chronos-home-'))
  service = await startService()
  await mkdir(join(home, 'shop/calendars'), { recursive: true })
  await writeFile(join(home, 'shop/calendars/holidays.ics'), calendar('20991224'))
  await writeFile(join(home, 'shop/closed.ics'), calendar('20991231'))
  await writeFile(join(home, 'outside.ics'), calendar('20991225'))
})
after(async () => {
  await service.close()
  await rm(home, { recursive: true })
})

const calendar = (day: string) => `BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//test//\r
BEGIN:VEVENT\r
UID:${day}\r
DTSTART;VALUE=DATE:${day}\r
RRULE:FREQ=YEARLY\r
SUMMARY:Closed\r
END:VEVENT\r
END:VCALENDAR\r
`

/** Plans jobs with these schedules, in a file of the folder `shop`. */
async function plan(schedules: unknown[], defaults: object = {}) {
  const file = join(home, 'shop/chronos.yaml')
  const action = { type: 'http', url: `${service.target.url}/hook` }
  const jobs = Object.fromEntries(
    schedules.map((schedule, n) => [`job-${n}`, { action, ...(schedule !== undefined && { schedule }) }]),
  ) as object
  await writeFile(file, stringify({ defaults, jobs }))
  const env = { CHRONOS_URL: service.url, CHRONOS_API_KEY: apiKey }
  return terminalOf(home)(['plan', file, '--json'], { env })
}

test('the days of an iCalendar file beside the file of jobs are left out', async () => {
  const named = 'calendars/holidays.ics'
  const { code, out, err } = await plan(
    [
      { rules: 'every day at 9am', except_calendar: named },
      { rules: 'every day at 9am', except: ['sundays', named] },
      `every day at 9am; except ${named}; from 2030-01-01`,
      ['every day at 9am', '30 17 * * *', 'except closed.ics'],
      ['every day at 9am', '30 17 * * *'],
      undefined,
    ],
    { schedule: { rules: 'every day at 9am', except: './closed.ics' } },
  )
  assert.equal(code, 0, err)
  const schedules = (JSON.parse(out).changes as { changed: { field: string; after: unknown }[] }[]).map(
    ({ changed }) => changed.find(({ field }) => field === 'schedule')?.after,
  )
  assert.deepEqual(schedules, [
    'every day at 9am; except 24 december',
    'every day at 9am; except sundays; except 24 december',
    'every day at 9am; from 2030-01-01; except 24 december',
    'every day at 9am; 30 17 * * *; except 31 december',
    'every day at 9am; 30 17 * * *',
    'every day at 9am; except 31 december',
  ])
})

test('a calendar outside of the folder, one that is missing, too long or no file, is refused', async () => {
  await symlink(join(home, 'outside.ics'), join(home, 'shop/linked.ics'))
  await writeFile(join(home, 'shop/long.ics'), 'x'.repeat(100_001))
  await mkdir(join(home, 'shop/folder.ics'))
  for (const [path, message] of [
    ['../outside.ics', /outside of the folder/],
    [join(home, 'outside.ics'), /outside of the folder/],
    ['linked.ics', /outside of the folder/],
    ['none.ics', /none\.ics cannot be read\. It has to lie beside/],
    ['long.ics', /more than 100000 characters/],
    ['folder.ics', /is no file/],
  ] as const) {
    const { code, err } = await plan([{ rules: 'every day at 9am', except: path }])
    assert.deepEqual([code, message.test(err)], [2, true], `${path}: ${err}`)
  }
  const several = await plan([
    { rules: 'every day at 9am', except: ['closed.ics', 'calendars/holidays.ics'] },
  ])
  assert.match(several.err, /takes one calendar, and here are more/)
  // the service says what is wrong with the text itself
  await writeFile(join(home, 'shop/wrong.ics'), 'no calendar')
  assert.match(
    (await plan([{ rules: 'every day at 9am', except: 'wrong.ics' }])).err,
    /cannot be read as iCalendar/,
  )
})
