import { project, projects } from '../project.ts'
import { may } from '../session.ts'
import { Link } from './link.tsx'
import { Notice } from './notice.tsx'
import { When } from './when.tsx'

/** Of everything, or else of each project that is looked at: nothing of theirs runs, so it stands above all else. */
export function Pauses() {
  const paused = projects.value.filter((one) => one.paused)
  const everything = paused.filter(({ name }) => name === '*')
  const looked = paused.filter(({ name }) => project.value === null || name === project.value)
  return (
    <>
      {(everything.length > 0 ? everything : looked).map(
        ({ name, paused_at: since, paused_by: by, paused_reason: reason }) => (
          <Notice
            key={name}
            kind="warning"
            title={name === '*' ? 'Everything is paused' : `Project ${name} is paused`}
            actions={may('admin') && <Link href="/projects">Projects</Link>}
          >
            No run begins since <When at={since} />, by {by}
            {reason !== null && `: ${reason}`}.
          </Notice>
        ),
      )}
    </>
  )
}
