import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { AppError, type ErrorCode } from '../../src/ground/errors.ts'
import { explain, nextWithTransitions, readNamedZone } from '../../src/schedule/index.ts'
import { parseSchedule } from '../../src/schedule/parse.ts'
import { checkZone } from '../../src/schedule/zone.ts'
import { assertTook } from '../support/limits.ts'

const now = new Date('2026-06-22T12:00:00Z')
const read = (text: string, zone = 'UTC') => parseSchedule(text, { now, zone })

function refused(code: ErrorCode, text: string, zone = 'UTC') {
  const isRight = (error: unknown) => error instanceof AppError && error.code === code
  assert.throws(() => read(text, zone), isRight, text)
}

function everyMs(text: string): number {
  const schedule = read(text)
  assert.equal(schedule.kind, 'interval', text)
  return schedule.kind === 'interval' ? schedule.everyMs : 0
}

function expr(text: string): string {
  const schedule = read(text)
  assert.equal(schedule.kind, 'cron', text)
  return schedule.kind === 'cron' ? schedule.expr : ''
}

function runAt(text: string, zone = 'UTC'): string {
  const schedule = read(text, zone)
  assert.equal(schedule.kind, 'once', text)
  return schedule.kind === 'once' ? schedule.runAt.toISOString() : ''
}

suite('durations', () => {
  test('units are written in any of their usual forms', () => {
    for (const text of [
      '90s',
      '90 sec',
      '90 seconds',
      'every 90s',
      '1m30s',
      '1 minute 30 seconds',
      '1m 30s',
    ]) {
      assert.equal(everyMs(text), 90_000, text)
    }
    for (const text of ['2h', 'every 2 hours', '2 hrs', 'EVERY 2H', '120m', '7200s']) {
      assert.equal(everyMs(text), 7_200_000, text)
    }
    for (const text of ['day', 'every day', '1d', '24h']) assert.equal(everyMs(text), 86_400_000, text)
  })

  test('compounds go from large units to small ones', () => {
    assert.equal(everyMs('1h30m'), 5_400_000)
    assert.equal(everyMs('1d12h'), 129_600_000)
    refused('SCHEDULE_INVALID', '30m1h')
    refused('SCHEDULE_INVALID', '1h1h')
  })

  test('zero, parts of a second, weeks and more than a hundred years are refused', () => {
    for (const text of [
      '0m',
      'every 0s',
      'in 0m',
      '+0s',
      '0h0m',
      '0.5s',
      '-5m',
      '1w',
      '36526d',
      '999999999d',
      'm',
    ]) {
      refused('SCHEDULE_INVALID', text)
    }
    assert.equal(everyMs('36525d'), 36_525 * 86_400_000)
  })

  test('"in" and "+" count from now', () => {
    assert.equal(runAt('in 90s'), '2026-06-22T12:01:30.000Z')
    assert.equal(runAt('+90s'), '2026-06-22T12:01:30.000Z')
    assert.equal(runAt('in 1 day 2 hours'), '2026-06-23T14:00:00.000Z')
    assert.equal(runAt('In Hour'), '2026-06-22T13:00:00.000Z')
  })
})

suite('phrases', () => {
  test('days and a time of day become cron', () => {
    assert.equal(expr('every weekday at 9am'), '0 9 * * 1-5')
    assert.equal(expr('weekends at noon'), '0 12 * * 0,6')
    assert.equal(expr('Mondays, Tuesdays and Sunday at 5:30 pm'), '30 17 * * 0-2')
    assert.equal(expr('every mon, and fri 00:05'), '5 0 * * 1,5')
    assert.equal(expr('every day at midnight'), '0 0 * * *')
    assert.equal(expr('every mon, tue, wed, thu, fri, sat, sun at 1am'), '0 1 * * *')
  })

  test('noon and midnight are 12pm and 12am', () => {
    assert.equal(expr('every monday 12pm'), expr('every monday noon'))
    assert.equal(expr('every monday 12am'), expr('every monday midnight'))
  })

  test('times of day that do not exist, and words beyond them, are refused', () => {
    const times = ['24:00', '9:60', '13pm', '0am', '9:5', '7 o crock', 'at', '9am 10am', '9am pizza']
    for (const time of times) refused('SCHEDULE_INVALID', `every monday ${time}`)
    for (const days of ['every', 'every funday at', 'every monday plus at', 'and']) {
      refused('SCHEDULE_INVALID', `${days} 9am`)
    }
  })
})

suite('cron', () => {
  test('the expression is kept as written, but for its blanks', () => {
    assert.equal(expr('  0  9 * *   MON-FRI '), '0 9 * * MON-FRI')
    assert.equal(expr('*/10 * * * * *'), '*/10 * * * * *')
  })

  test('nicknames become fields and are shown as written', () => {
    assert.equal(expr('@hourly'), '0 * * * *')
    assert.equal(expr('@Daily'), '0 0 * * *')
    assert.equal(expr('@weekly'), '0 0 * * 0')
    assert.equal(expr('@annually'), '0 0 1 1 *')
    assert.equal(read('@daily').display, '@daily')
    refused('SCHEDULE_INVALID', '@reboot')
  })

  test('days that depend on the month are read; what crons read differently is refused', () => {
    for (const field of ['?', '1L', '1,W', '32W', 'L-31', '?,1'])
      refused('SCHEDULE_INVALID', `0 9 ${field} * *`)
    for (const field of ['?', 'L', '1#6', '1#0', '8#1', 'MON#'])
      refused('SCHEDULE_INVALID', `0 9 * * ${field}`)
    refused('SCHEDULE_INVALID', '0 0 12 ? * 2')
    for (const field of ['L', '1,L', 'l', 'LW', '15W', 'L-3', '1,15W'])
      assert.equal(expr(`0 9 ${field} * *`), `0 9 ${field} * *`)
    for (const field of ['1#2', '5L', 'MON#1', 'FRIL', '5#L', '1#1,3'])
      assert.equal(expr(`0 9 * * ${field}`), `0 9 * * ${field}`)
    for (const text of ['0 9 ? * MON', '0 0 9 ? * MON-FRI', '0 0 12 * * ?', '0 0 9 1 1 ? 2030'])
      assert.equal(expr(text), text)
  })

  test('values out of range, empty items, and steps that lead nowhere are refused', () => {
    for (const minute of [
      '60',
      '-1',
      '1,',
      ',1',
      '5-1',
      '*/0',
      '*/61',
      '5/15',
      '1-2-3',
      '+5',
      'MON',
      '1.5',
    ]) {
      refused('SCHEDULE_INVALID', `${minute} 9 * * *`)
    }
    for (const rest of [
      '24 * * *',
      '9 0 * *',
      '9 32 * *',
      '9 * 0 *',
      '9 * 13 *',
      '9 * * 8',
      '9 * JANFEB *',
    ]) {
      refused('SCHEDULE_INVALID', `0 ${rest}`)
    }
    for (const text of ['* * * *', '0 0 9 * * * 1066', '0 0 9 * * * 2020', '60 0 9 * * *'])
      refused('SCHEDULE_INVALID', text)
  })

  test('a date that no year has is refused at once', () => {
    for (const dates of ['30 2', '31 2', '31 4,6,9,11', '30,31 FEB'])
      refused('SCHEDULE_INVALID', `0 9 ${dates} *`)
    for (const dates of ['29 2', '31 4,5', '30,L 2']) assert.equal(expr(`0 9 ${dates} *`), `0 9 ${dates} *`)
    // The weekday matches by itself.
    assert.equal(expr('0 9 30 2 1'), '0 9 30 2 1')
  })
})

suite('what other crons write', () => {
  test('@every and a duration is an interval', () => {
    for (const text of ['@every 6h', '@Every 6h', '@every 6h0m0s', 'every 6h', '@every  6 hours'])
      assert.equal(everyMs(text), 21_600_000, text)
    assert.equal(read('@every 6h').display, 'every 6h')
    assert.equal(everyMs('@every 1h30m10s'), 5_410_000)
  })

  test('@every without a duration that can be read says what to write', () => {
    for (const text of ['@every', '@every day at 9am', '@every 1.5.2h', '@every 6h 0 * * *', '@every 0s'])
      assert.throws(() => read(text), /duration/, text)
  })

  test('nicknames of FreeBSD are read; of an unknown one the known ones are named', () => {
    assert.equal(expr('@every_minute'), '* * * * *')
    assert.equal(expr('@every_second'), '* * * * * *')
    assert.throws(() => read('@fortnightly'), /"@fortnightly" is not a known nickname. Use one of @yearly/)
  })

  const zoneIn = (text: string, named: string | null = null) => readNamedZone(text, { named, usual: 'UTC' })

  test('a zone before the schedule counts where none is named beside it', () => {
    const newYork = { text: '0 4 * * *', zone: 'America/New_York' }
    assert.deepEqual(zoneIn('CRON_TZ=America/New_York 0 4 * * *'), newYork)
    assert.deepEqual(zoneIn(' TZ=america/new_york\t0 4 * * *'), newYork)
    assert.deepEqual(zoneIn('TZ=Europe/London @daily'), { text: '@daily', zone: 'Europe/London' })
    assert.deepEqual(zoneIn('0 4 * * *', 'Asia/Kolkata'), { text: '0 4 * * *', zone: 'Asia/Kolkata' })
    assert.deepEqual(readNamedZone(null, { named: null, usual: 'utc' }), { text: null, zone: 'UTC' })
  })

  test('the same zone twice is one, whatever it is called; two zones are refused, and both are named', () => {
    assert.equal(zoneIn('TZ=America/New_York 0 4 * * *', 'US/Eastern').zone, 'US/Eastern')
    assert.throws(
      () => zoneIn('CRON_TZ=America/New_York 0 4 * * *', 'Europe/London'),
      (error: AppError) =>
        error.code === 'SCHEDULE_INVALID' &&
        error.message.includes('America/New_York') &&
        error.message.includes('Europe/London'),
    )
  })

  test('a zone before the schedule that is none is refused by its name', () => {
    for (const name of ['Mars/Olympus', 'UTC0', '"Europe/Berlin"', '+02:00', ''])
      assert.throws(
        () => zoneIn(`TZ=${name} 0 4 * * *`),
        (error: AppError) =>
          error.code === 'TIMEZONE_UNKNOWN' && error.message.includes(JSON.stringify(name)),
      )
  })
})

suite('day of month and weekday', () => {
  const days = async (text: string, count = 4) => {
    const rule = { schedule: read(text), zone: 'UTC', anchor: new Date(0) }
    const slots = await nextWithTransitions(rule, { after: new Date('2026-01-01T00:00:00Z'), count })
    return slots.map(({ at }) => at.toISOString().slice(5, 10)).join(' ')
  }

  test('a day field that begins with * restricts nothing by itself: both have to match', async () => {
    assert.equal(await days('0 9 */1 * 1-5'), '01-01 01-02 01-05 01-06')
    assert.equal(await days('0 9 */2 * MON'), '01-05 01-19 02-09 02-23')
    assert.equal(await days('0 9 1-7 * */1'), '01-01 01-02 01-03 01-04')
    // 13 January 2026 is a Tuesday, 13 February a Friday, 13 June a Saturday
    assert.equal(await days('0 9 13 * */2'), '01-13 06-13 08-13 09-13')
  })

  test('two that do not begin with * match either way, wherever else one stands', async () => {
    assert.equal(await days('0 9 13 * 5'), '01-02 01-09 01-13 01-16')
    assert.equal(await days('0 9 1,*/15 * MON'), '01-01 01-05 01-12 01-16')
  })

  test('a date that no month has stays refused where the weekday cannot stand in for it', () => {
    refused('SCHEDULE_INVALID', '0 9 30 2 */2')
    refused('SCHEDULE_INVALID', '0 9 31 4,6,9,11 */1')
    assert.equal(expr('0 9 30 2 MON'), '0 9 30 2 MON')
  })
})

suite('numbers out of range', () => {
  const cases: [text: string, says: string][] = [
    ['60 0 9 * * *', 'second 60 is out of range (0 to 59)'],
    ['60 9 * * *', 'minute 60 is out of range (0 to 59)'],
    ['0 24 * * *', 'hour 24 is out of range (0 to 23)'],
    ['0 0 32 * *', 'day of month 32 is out of range (1 to 31)'],
    ['0 0 0 * *', 'day of month 0 is out of range (1 to 31)'],
    ['0 0 * 13 *', 'month 13 is out of range (1 to 12)'],
    ['0 0 * 0 *', 'month 0 is out of range (1 to 12)'],
    ['0 0 * * 8', 'weekday 8 is out of range (0 to 7)'],
    ['0 0 1,5-40/2 * *', 'day of month 40 is out of range (1 to 31)'],
    ['0 0 99999999999999999999 * *', 'day of month 99999999999999999999 is out of range (1 to 31)'],
    ['*/61 * * * *', 'step 61 of the minute is out of range (1 to 60)'],
    ['0 */0 * * *', 'step 0 of the hour is out of range (1 to 24)'],
    ['0 0 */32 * *', 'step 32 of the day of month is out of range (1 to 31)'],
    ['0 0 * 1-6/13 *', 'step 13 of the month is out of range (1 to 12)'],
    ['0 0 * * */8', 'step 8 of the weekday is out of range (1 to 7)'],
  ]
  for (const [text, says] of cases)
    test(`${text}: ${says}`, () => {
      assert.throws(
        () => read(text),
        (error: Error) => error.message.includes(says) && error.message.includes(JSON.stringify(text)),
      )
    })
})

suite('instants', () => {
  test('one without an offset is read in the zone', () => {
    assert.equal(runAt('2030-01-15T14:00', 'Asia/Kolkata'), '2030-01-15T08:30:00.000Z')
    assert.equal(runAt('2030-01-15', 'Asia/Kolkata'), '2030-01-14T18:30:00.000Z')
    assert.equal(runAt('2030-01-15 14:00:30.5', 'Asia/Kolkata'), '2030-01-15T08:30:30.500Z')
  })

  test('one with an offset is that instant in any zone', () => {
    for (const text of ['14:00Z', '14:00:00z', '16:00+02:00', '16:00+0200', '16:00+02', '07:00-07']) {
      assert.equal(runAt(`2030-01-15T${text}`, 'Asia/Kolkata'), '2030-01-15T14:00:00.000Z', text)
    }
  })

  test('a skipped local time is the first instant after the gap, a repeated one its first passing', () => {
    assert.equal(runAt('2027-03-28T02:30', 'Europe/Berlin'), '2027-03-28T01:00:00.000Z')
    assert.equal(runAt('2027-10-31T02:30', 'Europe/Berlin'), '2027-10-31T00:30:00.000Z')
  })

  test('dates and times that do not exist are refused', () => {
    for (const text of [
      '2030-02-30',
      '2030-13-01',
      '2030-01-15T24:00',
      '2030-01-15T14:60',
      '2030-01-15T14:00:60',
    ]) {
      refused('SCHEDULE_INVALID', text)
    }
    for (const text of ['2030-01-15T14:00+25:00', '2030-01-15Z', '2030-1-5', '2030-01-15T14', '20300115']) {
      refused('SCHEDULE_INVALID', text)
    }
  })

  test('120 s in the past is still taken, more is not', () => {
    assert.equal(runAt('2026-06-22T11:58:00'), '2026-06-22T11:58:00.000Z')
    refused('SCHEDULE_IN_PAST', '2026-06-22T11:57:59')
    refused('SCHEDULE_IN_PAST', '2026-06-22')
  })
})

suite('limits', () => {
  test('more than 2000 characters, control characters and nothing at all are refused', () => {
    refused('SCHEDULE_INVALID', `${' '.repeat(2000)}1h`)
    assert.equal(everyMs(`${' '.repeat(1998)}1h`), 3_600_000)
    for (const text of ['', '   ', '\t', '0 9 * *\n*', '0 9 *\r\n* *', '0\v9 * * *', '1h\u0000', '1h\u0085'])
      refused('SCHEDULE_INVALID', text)
  })

  test('fields are parted by blanks or tabs, and a line break at the end is no part of them', () => {
    for (const text of ['0 4\t* * *', '\t0\t4\t*\t*\t*\t', '0 4 * * *\n', '0 4 * * *\r\n', '0\u00a04 * * *'])
      assert.equal(expr(text), '0 4 * * *', JSON.stringify(text))
    assert.equal(everyMs('every\t2h\n'), 7_200_000)
    assert.equal(expr('@daily\t'), '0 0 * * *')
  })

  test('long texts made to trip the reader are refused in no time', () => {
    const texts = [
      'every 1d '.repeat(22),
      'every mon, ox, '.repeat(13),
      '1'.repeat(200),
      `every ${'a, &'.repeat(48)}`,
    ]
    const startedAt = performance.now()
    for (const text of texts) refused('SCHEDULE_INVALID', text)
    assertTook(performance.now() - startedAt, 100)
  })

  test('a message quotes the schedule, then says why it is refused', () => {
    for (const text of ['whenever', '60 9 * * *', '0 9 30 2 *', '0m', '0 9 * * 1#9']) {
      assert.throws(
        () => read(text),
        (error: Error) => {
          const given = error.message.indexOf(JSON.stringify(text))
          return given > 0 && error.message.length > given + JSON.stringify(text).length + 10
        },
      )
    }
  })
})

suite('zones', () => {
  test('a name gets its proper capitals, a link stays what it is', () => {
    assert.equal(checkZone('europe/berlin'), 'Europe/Berlin')
    assert.equal(checkZone('us/eastern'), 'US/Eastern')
    assert.equal(checkZone('utc'), 'UTC')
  })

  test('what is not an IANA name is refused, bare offsets included', () => {
    const names = [
      '',
      'Foo/Bar',
      '+05:30',
      '-07',
      'Europe/Berlin ',
      'Europe/Berlin\u0000',
      '__proto__',
      'Z',
      'PST8',
    ]
    for (const name of names) refused('TIMEZONE_UNKNOWN', '1h', name)
    refused('TIMEZONE_UNKNOWN', '1h', 'x'.repeat(5000))
  })
})

suite('explain', () => {
  const words = (text: string) => explain(read(text), 'Europe/Berlin')

  test('cron is told in words, with its zone', () => {
    assert.equal(words('0 9 * * MON-FRI'), 'at 09:00, on Monday to Friday (Europe/Berlin)')
    assert.equal(words('*/15 9-17 * * *'), 'every 15 minutes of hours 9 to 17 (Europe/Berlin)')
    assert.equal(words('5,35 * * * *'), 'at minutes 5 and 35 of every hour (Europe/Berlin)')
    assert.equal(words('* * * * *'), 'every minute (Europe/Berlin)')
    assert.equal(words('*/10 * * * * *'), 'every 10 seconds (Europe/Berlin)')
    assert.equal(
      words('30 0 9,17 L 2 *'),
      'at 09:00:30 and 17:00:30, on the last day of the month, in February (Europe/Berlin)',
    )
    assert.equal(
      words('0 0 13 * 5'),
      'at 00:00, on day 13 of the month or on Friday (either is enough) (Europe/Berlin)',
    )
    assert.equal(
      words('0 9 */10 * 1-5'),
      'at 09:00, on day 1, 11, 21 and 31 of the month and on Monday to Friday (both have to match) (Europe/Berlin)',
    )
  })

  test('intervals are told in units, one-shots at their local time', () => {
    assert.equal(words('1h30m'), 'every 1 hour 30 minutes')
    assert.equal(words('2030-01-15T14:00Z'), 'once, at 2030-01-15T15:00:00+01:00[Europe/Berlin]')
  })
})
