import { counted } from '../ground/words.ts'
import { expandNickname, readCron } from './cron.ts'
import { readDuration } from './duration.ts'
import { Misread } from './misread.ts'
import type { At, Resolved } from './resolved.ts'
import { readRecurrence } from './rrule.ts'
import { readCalendarEvent } from './calendar-event.ts'
import { readIso } from './iso-duration.ts'
import { spread } from './spread.ts'

/** `id`: of the job, for `H`. */
export type Reading = At & { id: string }

/**
 * What other schedulers write: cron of five to seven fields with `?` and `H`, `rate()` and `cron()` of EventBridge, ISO
 * 8601 durations and repeating intervals, RRULE. Null: none of them.
 *
 * @throws AppError SCHEDULE_INVALID; Misread
 */
export function readDialect(text: string, reading: Reading): Resolved | null {
  if (/^@reboot$/i.test(text))
    throw new Misread(text, 'names no instant: a job is due by the clock, and not when a machine starts', [
      '@hourly',
      'in 1m',
    ])
  return (
    readEventBridge(text, reading) ??
    readRecurrence(text, reading) ??
    readIso(text, reading) ??
    readCalendarEvent(text) ??
    readCronText(text, reading)
  )
}

function readEventBridge(text: string, { id }: Reading): Resolved | null {
  const [, name = '', inside = ''] = /^(rate|cron) ?\((.*)\)$/i.exec(text) ?? []
  if (name === '') return null
  if (name.toLowerCase() === 'rate') {
    const everyMs = readDuration(inside.trim())
    if (everyMs === null || everyMs === 0)
      throw new Misread(inside, 'is not a rate: a number and minutes, hours or days', ['rate(5 minutes)'])
    return { kind: 'interval', everyMs }
  }
  const fields = inside.trim().split(/ +/)
  if (fields.length !== 6)
    throw new Misread(
      inside,
      `has ${counted(fields.length, 'field')} and not the six of EventBridge (minute hour day month weekday year)`,
      ['cron(0 9 ? * MON-FRI *)'],
    )
  const [minute = '', hour = '', date = '', month = '', weekday = '', year = ''] = fields
  const expr = spread(
    [minute, hour, date, month, fromOne(weekday)].map((field) => (field === '?' ? '*' : field)).join(' '),
    id,
  )
  // a start with a step is read in six fields, seconds first
  const isOpen = /(^| |,)\d+\/\d/.test(expr)
  const rule = year === '*' || year === '?' ? `${isOpen ? '0 ' : ''}${expr}` : `0 ${expr} ${year}`
  readCron(rule)
  return { kind: 'rules', rules: [rule], except: [] }
}

/** EventBridge and Quartz count weekdays from 1 = Sunday. */
function fromOne(field: string): string {
  return field
    .split(',')
    .map((item) => {
      const [days = '', ...rest] = item.split(/(?=[#/])/)
      return [days.replace(/\d/g, (digit) => String((Number(digit) + 6) % 7)), ...rest].join('')
    })
    .join(',')
}

function readCronText(text: string, { id }: Reading): Resolved | null {
  const fields = text.split(' ')
  const count = fields.length
  const isTimes = fields.slice(0, 2).every((field) => /^[\d*,/H()-]+$/i.test(field))
  const isCron = /^[@*]/.test(text) || (isTimes && ((count >= 5 && count <= 7) || text.includes('*')))
  if (!isCron) return null
  checkQuartz(text, fields)
  const expr = spread(expandNickname(text), id)
  readCron(expr)
  return { kind: 'rules', rules: [expr], except: [] }
}

/** `?` is read where crons agree on what it means. */
function checkQuartz(text: string, fields: string[]): void {
  if (!text.includes('?')) return
  const isQuartz = fields.length > 5
  const [dateAt, weekdayAt] = fields.length === 7 ? [3, 5] : [fields.length - 3, fields.length - 1]
  const [date = '', weekday = ''] = [fields[dateAt], fields[weekdayAt]]
  const plainText = fields.map((field) => (field === '?' ? '*' : field)).join(' ')
  const marks = fields.filter((field) => field.includes('?')).length
  if (marks !== 1 || (date !== '?' && weekday !== '?'))
    throw new Misread('?', 'stands for "any" in one of the two day fields only', [plainText])
  const other = date === '?' ? weekday : date
  if (!isQuartz && other === '*')
    throw new Misread('?', 'says nothing beside a "*" in the other day field', [plainText])
  if (isQuartz && date === '?' && /\d/.test(weekday.replace(/#.*/, '')))
    throw new Misread(
      weekday,
      'as a weekday beside "?" counts from 1 = Sunday in some crons and from 0 in others; write names',
      [
        fields.with(weekdayAt, named(fromOne(weekday))).join(' '),
        fields.with(weekdayAt, named(weekday)).join(' '),
      ],
    )
}

const weekdays = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT']

function named(field: string): string {
  return field.replace(/(?<![#/\d])\d(?!\d)/g, (digit) => weekdays[Number(digit) % 7] ?? digit)
}
