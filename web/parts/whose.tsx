import type { ComponentChildren } from 'preact'
import { isMixed } from '../project.ts'

/** Of which project something is, where those of several stand side by side; what is of `default` bears no name. */
export function Whose({ project }: { project: string | undefined }) {
  if (!isMixed.value || project === undefined || project === 'default') return null
  return (
    <span class="tag whose" title={`of the project ${project}`}>
      {project}
    </span>
  )
}

/** What is known by its name is of the project `default` as long as none is chosen: that is said, and how to see others. */
export function OfDefault({ children }: { children?: ComponentChildren }) {
  return (
    <>
      {children}
      {isMixed.value && (
        <span>
          of the project <strong>default</strong>: choose another one to see its own
        </span>
      )}
    </>
  )
}
