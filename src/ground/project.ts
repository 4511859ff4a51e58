/** The project of everything that names none. */
export const defaultProject = 'default'

/** What stands for all projects, in a pause and in a key. */
export const allProjects = '*'

/** What a project may be named. */
export const projectPattern = '^[a-z0-9][a-z0-9-]{0,38}$'

/**
 * A name that people choose (of a channel, a secret, or an Idempotency-Key), as it is stored: unique in all projects. In the
 * project `default` it is the name itself.
 */
export function nameIn(project: string, name: string): string {
  return project === defaultProject ? name : `${project}/${name}`
}

/** The name as people know it, from one that is stored. */
export function shortName(stored: string): string {
  return stored.slice(stored.indexOf('/') + 1)
}

/** Which of some names there are. */
export type KnownNames = { exists(names: Iterable<string>): Promise<Set<string>> }

/** The same for names as the people of a project know them. */
export function inProject(known: KnownNames, project: string): KnownNames {
  return {
    async exists(names) {
      const there = await known.exists([...names].map((name) => nameIn(project, name)))
      return new Set([...there].map(shortName))
    },
  }
}
