import { computed, signal } from '@preact/signals'
import { sendsWith } from './api.ts'
import { go, path, query } from './router.ts'
import { session } from './session.ts'
import type { Answer } from './types.ts'

export type Project = Answer<'GET /api/projects'>['projects'][number]

/** Those that the key sees, and `*` for all of them together; as they were last known. */
export const projects = signal<readonly Project[]>([])

/** The project that is looked at, as the address says it; null: all that the key sees. A key of one project has no choice. */
export const project = computed(() => (seesAll.value ? query.value.get('project') : null))

/** Whether the key sees all projects. */
export const seesAll = computed(() => session.value?.project === null)

/** The names to choose from; none if there is nothing to choose. */
export const choices = computed(() => {
  const names = projects.value.map(({ name }) => name).filter((name) => name !== '*')
  return seesAll.value && names.length > 1 ? names : []
})

/** Whether things of several projects stand side by side, so that each says whose it is. */
export const isMixed = computed(() => project.value === null && choices.value.length > 0)

/** Looks at another project. What one project has is not there in another, so an address of it is left. */
export function look(name: string): void {
  const here = /^\/(?:jobs|runs)\//.test(path.value) ? '/jobs' : path.value
  go(name === '' ? here : `${here}?project=${encodeURIComponent(name)}`, {
    project: name === '' ? null : name,
  })
}

/** What is of the whole service, whichever project is looked at. */
const ofService = /^\/(?:api\/(?:status|session|projects)\b|openapi\.json)/

sendsWith((to) => {
  const name = project.value
  return name === null || ofService.test(to) ? {} : { 'chronos-project': name }
})
