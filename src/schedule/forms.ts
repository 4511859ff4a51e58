/** A schedule as a client may give it: its text, several rules, or its parts by name. */
export type ScheduleForm = string | string[] | ScheduleSaid

type ScheduleSaid = {
  rules: string | string[]
  except?: string | string[]
  /** The text of an iCalendar file. */
  except_calendar?: string
  from?: string
  until?: string
  skipped?: 'next' | 'skip'
  repeated?: 'first' | 'second' | 'both'
  timezone?: string
}

/**
 * The one text that says the same, which is what is stored and shown. It is not checked here, except for the calendar:
 * its days from `now` on are written out, so that nothing is read at a fire.
 *
 * @throws AppError FIELD_INVALID: the calendar
 */
export async function textOfSchedule(form: ScheduleForm, now: Date): Promise<string> {
  if (typeof form === 'string') return form
  if (Array.isArray(form)) return form.join('; ')
  const { rules, except = [], except_calendar: calendar, from, until, skipped, repeated, timezone } = form
  const days = calendar === undefined ? [] : (await import('./calendar-file.ts')).daysOf(calendar, now)
  const parts = [
    ...[rules].flat(),
    ...[except].flat().map((text) => `except ${text}`),
    ...days.map((text) => `except ${text}`),
    ...(from === undefined ? [] : [`from ${from}`]),
    ...(until === undefined ? [] : [`until ${until}`]),
    ...(skipped === undefined ? [] : [`skipped: ${skipped}`]),
    ...(repeated === undefined ? [] : [`repeated: ${repeated}`]),
  ]
  return `${timezone === undefined ? '' : `CRON_TZ=${timezone} `}${parts.join('; ')}`
}
