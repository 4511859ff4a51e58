import { Misread } from './misread.ts'

/** Whether the text is lines of an iCalendar file: `DTSTART…`, `RRULE:…`, `EXDATE…`, `RDATE…`. */
export function isCalendarText(text: string): boolean {
  return /^\s*(?:DTSTART|RRULE|EXDATE|RDATE)[:;]/i.test(text)
}

export type CalendarLines = {
  start: string | undefined
  rule: string
  /** As they were written. */
  left: string[]
  more: string[]
}

/**
 * The lines of one recurring event, in any order, with blanks or line breaks between them; a rule alone (`FREQ=…`) is
 * one too. Their zones have been taken off before (named-zone.ts). Null: another text.
 *
 * @throws Misread: a line that is not read
 */
export function calendarLines(text: string): CalendarLines | null {
  if (!isCalendarText(text))
    return /^FREQ=\S+$/i.test(text) || /^\S+;FREQ=\S+$/i.test(text) ? alone(text) : null
  const lines = alone('')
  for (const line of text.split(/\s+/)) {
    const [, name = '', value = ''] =
      /^([A-Z]+)(?:;(?:VALUE=DATE(?:-TIME)?|TZID=[^:;]+))*:(\S+)$/i.exec(line) ?? []
    if (/^DTSTART$/i.test(name)) lines.start = value
    else if (/^RRULE$/i.test(name) && lines.rule === '') lines.rule = value
    else if (/^EXDATE$/i.test(name)) lines.left.push(...value.split(','))
    else if (/^RDATE$/i.test(name)) lines.more.push(...value.split(','))
    else if (/^FREQ=/i.test(line) && lines.rule === '') lines.rule = line
    else
      throw new Misread(line, 'is not read beside DTSTART, one RRULE, EXDATE and RDATE', [
        'RRULE:FREQ=DAILY;BYHOUR=9',
      ])
  }
  if (lines.rule === '') throw new Misread('', 'has no RRULE', ['RRULE:FREQ=DAILY;BYHOUR=9;BYMINUTE=0'])
  return lines
}

function alone(rule: string): CalendarLines {
  return { start: undefined, rule, left: [], more: [] }
}
