import { nounFor } from '../parts/count.ts'
import { Link } from '../parts/link.tsx'
import { Notice } from '../parts/notice.tsx'
import { relativeText, When } from '../parts/when.tsx'
import type { Status } from '../types.ts'

const titles = {
  ok: 'Every job is held: nothing is late, lost or owed',
  degraded: 'Some work is late, skipped or not reported',
  failing: 'Most work is late, skipped or not reported',
}

/** How the service is, with each reason, and the sums that matter. */
export function Health({ status }: { status: Status }) {
  const { health, reasons } = status
  const kind = health === 'ok' ? 'good' : health === 'degraded' ? 'warning' : 'error'
  return (
    <div class="health">
      <Pauses projects={status.projects ?? []} />
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
      <Sums status={status} />
    </div>
  )
}

/** Of everything, or else of each project: nothing of theirs runs, so it stands above all else. */
function Pauses({ projects }: { projects: NonNullable<Status['projects']> }) {
  const everything = projects.filter(({ name, paused }) => name === '*' && paused)
  const paused = everything.length > 0 ? everything : projects.filter((one) => one.paused)
  return (
    <>
      {paused.map(({ name, paused_at: since, paused_by: by, paused_reason: reason }) => (
        <Notice
          key={name}
          kind="warning"
          title={name === '*' ? 'Everything is paused' : `Project ${name} is paused`}
        >
          No run begins since <When at={since} />, by {by}
          {reason !== null && `: ${reason}`}.
        </Notice>
      ))}
    </>
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
