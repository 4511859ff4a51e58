import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importSystemd } from '../../cli/import/systemd.ts'
import { nextSlot } from '../../src/schedule/slots.ts'
import { parseSchedule } from '../../src/schedule/parse.ts'
import { base, judged, most } from './judged-by-systemd.ts'
import vectors from './on-calendar.json' with { type: 'json' }

// Texts of timers. What `systemd-analyze calendar` of systemd 252 said of them is kept beside; the one of this machine is
// asked as well.

/** As a timer is imported, and as the service reads what is written. */
function read(text: string): string[] {
  const [found] = importSystemd(new Map([['x.timer', `[Timer]\nOnCalendar=${text}\n`]]))
  const { schedule, timezone } = (found?.job ?? assert.fail(text)) as { schedule: string; timezone?: string }
  const now = new Date(base)
  const zone = timezone ?? 'UTC'
  const parsed = parseSchedule(schedule, { now, zone })
  if (parsed.kind === 'once') return [parsed.runAt.toISOString().slice(0, 19)]
  const instants: string[] = []
  for (let at = now; instants.length < most; ) {
    const next = nextSlot({ schedule: parsed, zone, anchor: now }, at)
    if (!next) break
    instants.push(next.toISOString().slice(0, 19))
    at = next
  }
  return instants
}

test('timers are due when systemd says so', () => {
  const texts = Object.entries(vectors as Record<string, string[]>)
  assert.ok(texts.length > 80)
  for (const [text, instants] of texts) assert.deepEqual(read(text), instants, text)
})

test('the systemd of this machine says the same', () => {
  for (const [text, instants] of Object.entries(vectors as Record<string, string[]>))
    assert.deepEqual(judged(text), instants, text)
})

test('what systemd refuses, or what cannot be carried over, is told', () => {
  for (const text of ['*-*-* 8:00:00.5', 'Fri *-*-* 17', 'soon', '@1700000000'])
    assert.deepEqual(
      importSystemd(new Map([['x.timer', `[Timer]\nOnCalendar=${text}\n`]])).map(({ job }) => job),
      [null],
      text,
    )
})
