import { nounFor } from '../parts/count.ts'
import { Link } from '../parts/link.tsx'
import { Notice } from '../parts/notice.tsx'
import { relativeText } from '../parts/when.tsx'
import { project } from '../project.ts'
import type { Status } from '../types.ts'

const titles = {
  ok: 'Every job is held: nothing is late, lost or owed',
  degraded: 'Some work is late, skipped or not reported',
  failing: 'Most work is late, skipped or not reported',
}

/** How the service is, with each reason, and the sums that matter; those are of all projects. */
export function Health({ status }: { status: Status }) {
  const { health, reasons } = status
  const kind = health === 'ok' ? 'good' : health === 'degraded' ? 'warning' : 'error'
  return (
    <div class="health">
      <Notice kind={kind} title={titles[health]}>
        {reasons.length > 0 && (
          <ul>
            {reasons.map(({ code, message }) => (
              <li key={code}>
                {message} <code>{code}</code>
              </li>
            ))}
          </ul>
        )}
      </Notice>
      {project.value === null && <Sums status={status} />}
    </div>
  )
}

function Sums({ status: { jobs, owed, waiting_for_place: waiting } }: { status: Status }) {
  const held = owed.arms === 0 ? 'all held by the timer' : `${owed.arms} not confirmed yet`
  return (
    <ul class="sums">
      <Sum href="/jobs?state=scheduled" count={jobs['scheduled'] ?? 0} name="scheduled" note={held} />
      <Sum href="/jobs?state=paused" count={jobs['paused'] ?? 0} name="paused" />
      <Sum
        href="/jobs?unarmed=true"
        count={owed.arms}
        name={`${nounFor(owed.arms, 'wake-up')} owed`}
        note={owed.oldest_since ? `the oldest since ${relativeText(owed.oldest_since)}` : ''}
      />
      <Sum
        href="/jobs"
        count={waiting.runs}
        name={waiting.runs === 1 ? 'waits for a place' : 'wait for a place'}
        note={waiting.oldest_since ? `the first since ${relativeText(waiting.oldest_since)}` : ''}
      />
    </ul>
  )
}

function Sum({ href, count, name, note }: { href: string; count: number; name: string; note?: string }) {
  return (
    <li>
      <Link href={href}>
        <strong class="number">{count.toLocaleString()}</strong> <span>{name}</span>
        {note && <span class="quiet">{note}</span>}
      </Link>
    </li>
  )
}
