/** How a slot, a run or a delivery ended, or stands. Each has a colour, a shape and a word. */
export const looks = {
  ran: 'good',
  succeeded: 'good',
  delivered: 'good',
  ok: 'good',
  failed: 'bad',
  timed_out: 'bad',
  failing: 'bad',
  error: 'bad',
  interrupted: 'torn',
  degraded: 'missed',
  missed: 'missed',
  skipped: 'skipped',
  cancelled: 'cancelled',
  superseded: 'cancelled',
  paused: 'cancelled',
  completed: 'cancelled',
  running: 'live',
  claimed: 'live',
  waiting: 'live',
  pending: 'due',
  due: 'due',
  scheduled: 'due',
} as const

export type Look = (typeof looks)[keyof typeof looks] | 'none'
export const lookOf = (verdict: string): Look =>
  verdict in looks ? looks[verdict as keyof typeof looks] : 'none'

const words: Record<string, string> = { timed_out: 'timed out' }
export const verdictWord = (verdict: string): string => words[verdict] ?? verdict

/** The sign of a look, 12 by 12: it can be told from the others without its colour. */
export function Sign({ look }: { look: Look }) {
  return (
    <svg class={`sign-${look}`} viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
      {shapes[look]}
    </svg>
  )
}

const shapes = {
  good: <path d="M2 6.5 5 9.5 10 3" class="line" />,
  bad: <path d="M3 3 9 9 M9 3 3 9" class="line" />,
  torn: <path d="M6 1.5 6 7 M6 9.5 6 10.5" class="line" />,
  missed: <circle cx="6" cy="6" r="3.8" class="line" />,
  skipped: <path d="M2 3 5.5 6 2 9 M6.5 3 10 6 6.5 9" class="line" />,
  cancelled: <path d="M2.5 6 9.5 6" class="line" />,
  live: <circle cx="6" cy="6" r="3.5" class="full" />,
  due: <path d="M6 2 6 6 8.5 7.5 M6 1 A5 5 0 1 1 5.9 1" class="thin" />,
  none: <circle cx="6" cy="6" r="1.2" class="full" />,
}

/** A verdict as a word with its sign. */
export function Verdict({ verdict, title }: { verdict: string; title?: string }) {
  const look = lookOf(verdict)
  return (
    <span class={`verdict ${look}`} title={title}>
      <Sign look={look} />
      {verdictWord(verdict)}
    </span>
  )
}
