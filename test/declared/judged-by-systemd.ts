import { execFileSync } from 'node:child_process'
import { needPrograms } from '../support/programs.ts'

/** What the instants are counted from. */
export const base = '2027-01-01T00:00:00Z'
export const most = 12

/** The next instants of an `OnCalendar` text as systemd itself has them; null: it refuses the text. */
export function judged(text: string): string[] | null {
  const args = [
    'calendar',
    `--base-time=${base.replace('T', ' ').replace('Z', ' UTC')}`,
    `--iterations=${most}`,
    text,
  ]
  try {
    const out = execFileSync('systemd-analyze', args, {
      env: { PATH: process.env['PATH'], TZ: 'UTC' },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const instants = [...out.matchAll(/(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC/g)]
    return instants.map(([, date, time]) => `${date}T${time}`)
  } catch {
    needPrograms('systemd-analyze')
    return null
  }
}
