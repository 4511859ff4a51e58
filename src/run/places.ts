import type { Look } from '../../db/index.ts'
import { namesIn } from '../template/index.ts'

/**
 * Places of a process, for attempts. An attempt that shares something with others (a job, the origin of its target, the API key
 * that started it) gets at most half of them together, so that calls that hang leave room for all the others. Attempts
 * that run a program get `mostPrograms` together.
 */
export type Places = {
  /** At once, or not at all. */
  tryTake(groups: readonly string[]): boolean
  /**
   * A place for an attempt whose groups are not known yet, if there certainly is one for it: whatever its groups are,
   * they have their share. `name` tells them, or `leaveUnnamed` gives it back.
   */
  tryTakeUnnamed(): boolean
  name(groups: readonly string[]): void
  leaveUnnamed(): void
  /** As soon as there is one, first come, first served. False: `signal` came before. `since`: as in `waitsSince`. */
  take(groups: readonly string[], signal: AbortSignal, since?: number): Promise<boolean>
  /**
   * The `since` of the attempt that is the next to get a place of these groups, the smallest of them; null: none waits
   * for one. With no groups: for a place of any.
   */
  waitsSince(groups: readonly string[]): number | null
  leave(groups: readonly string[]): void
  taken(): number
}

/**
 * A place is a pass of each group, and one of them all. They are taken in this one order, and a pass that is taken is
 * kept while the next one is waited for: so no two wait for each other, and none is overtaken for ever.
 */
export function createPlaces(most: number, mostPrograms: number | null = null): Places {
  const all = createPasses(most)
  const mostOfGroup = Math.max(1, Math.floor(most / 2))
  const groupPasses = new Map<string, Passes>()
  /** Taken, of groups that are not known: they may be of any. */
  let unnamed = 0
  const unnamedNow = () => unnamed
  /** Taken of the group with a share of half that has most, at least: as long as `isStale`, it may have fewer. */
  let fullest = 0
  let isStale = false

  function passesOf(group: string): Passes {
    const found = groupPasses.get(group)
    if (found) return found
    const mostOfThis = group === programGroup ? (mostPrograms ?? most) : mostOfProject(group)
    const note = (taken: number) => void (fullest = Math.max(fullest, taken))
    const passes =
      mostOfThis === null ? createPasses(mostOfGroup, unnamedNow, note) : createPasses(mostOfThis, unnamedNow)
    groupPasses.set(group, passes)
    return passes
  }

  function leaveGroup(group: string) {
    const passes = passesOf(group)
    if (passes.taken() === fullest) isStale = true
    passes.leave()
    if (passes.isUnused()) groupPasses.delete(group)
  }

  /** True if one more has its share, whatever it shares with others. Projects with places of their own are always named. */
  function hasRoomInAny(): boolean {
    if (fullest + unnamed < mostOfGroup) return true
    if (!isStale) return false
    isStale = false
    fullest = 0
    for (const [group, passes] of groupPasses)
      if (group !== programGroup && mostOfProject(group) === null) fullest = Math.max(fullest, passes.taken())
    return fullest + unnamed < mostOfGroup
  }

  /** Where programs may run, what is not named yet may be one. */
  function mayBeProgram(): boolean {
    return mostPrograms === null || passesOf(programGroup).hasRoom()
  }

  function endUnnamed() {
    unnamed -= 1
    for (const passes of groupPasses.values()) passes.handOn()
  }

  return {
    tryTake(groups) {
      if (![...groups.map(passesOf), all].every((passes) => passes.hasRoom())) {
        for (const group of groups) if (passesOf(group).isUnused()) groupPasses.delete(group)
        return false
      }
      for (const group of groups) passesOf(group).tryTake()
      return all.tryTake()
    },
    tryTakeUnnamed() {
      if (!hasRoomInAny() || !mayBeProgram() || !all.tryTake()) return false
      unnamed += 1
      return true
    },
    name(groups) {
      for (const group of groups) passesOf(group).force()
      endUnnamed()
    },
    leaveUnnamed() {
      all.leave()
      endUnnamed()
    },
    async take(groups, signal, since = 0) {
      const taken: string[] = []
      for (const group of groups) {
        if (!(await passesOf(group).take(signal, since))) break
        taken.push(group)
      }
      if (taken.length === groups.length && (await all.take(signal, since))) return true
      for (const group of taken) leaveGroup(group)
      return false
    },
    leave(groups) {
      all.leave()
      for (const group of groups) leaveGroup(group)
    },
    waitsSince(groups) {
      const firsts = [all, ...groups.map((group) => groupPasses.get(group))].map((passes) => passes?.first())
      return firsts.reduce<number | null>(
        (least, one) => (one == null ? least : Math.min(one, least ?? one)),
        null,
      )
    },
    taken: all.taken,
  }
}

/** The group of a project's attempts, with its quota of places. */
const projectGroup = (name: string, places: number) => `project ${name}, at most ${places}`

/** Null: it is no such group. */
function mostOfProject(group: string): number | null {
  const [, most] = /^project \S+, at most (\d+)$/.exec(group) ?? []
  return most === undefined ? null : Number(most)
}

/** The group of attempts that run a program on this machine. */
const programGroup = 'programs'

type Passes = ReturnType<typeof createPasses>

/** `others`: so many more may have to be counted as taken. `note` is told how many are taken whenever it is one more. */
function createPasses(most: number, others = () => 0, note: (taken: number) => void = () => {}) {
  const waiting = new Map<() => void, number>()
  let taken = 0
  const hasRoom = () => taken + others() < most

  function handOn() {
    while (hasRoom()) {
      const [next] = waiting.keys()
      if (!next) return
      waiting.delete(next)
      enter()
      next()
    }
  }

  function tryTake(): boolean {
    if (!hasRoom()) return false
    enter()
    return true
  }

  function enter() {
    taken += 1
    note(taken)
  }

  return {
    hasRoom,
    handOn,
    /** One that was counted among the others. */
    force: enter,
    taken: () => taken,
    isUnused: () => taken === 0 && waiting.size === 0,
    tryTake,
    /** The `since` of the first that waits. */
    first(): number | null {
      const [since = null] = waiting.values()
      return since
    },
    take(signal: AbortSignal, since: number): Promise<boolean> {
      if (signal.aborted) return Promise.resolve(false)
      if (tryTake()) return Promise.resolve(true)
      return new Promise((resolve) => {
        const goIn = () => {
          signal.removeEventListener('abort', giveUp)
          resolve(true)
        }
        const giveUp = () => {
          waiting.delete(goIn)
          resolve(false)
        }
        waiting.set(goIn, since)
        signal.addEventListener('abort', giveUp, { once: true })
      })
    },
    leave() {
      taken -= 1
      handOn()
    },
  }
}

/** The groups of a run. `startedBy`: the API key whose call started it; null: none did. */
export function groupsOf(
  { authored: { id, action }, view: { project } }: Pick<Look, 'authored' | 'view'>,
  startedBy: string | null,
): string[] {
  const origin = originOf(action)
  return [
    `job ${id}`,
    ...(startedBy === null ? [] : [`key ${startedBy}`]),
    ...(action.type === 'command' ? [programGroup] : []),
    ...(origin === null ? [] : [`origin ${origin}`]),
    ...(project?.places == null ? [] : [projectGroup(project.name, project.places)]),
  ]
}

/**
 * The target of an action; null: none, or a template decides later. Secrets are the same for every run, so an origin
 * that only they decide is known by their names.
 */
function originOf({ type, url, base_url: baseUrl }: Look['authored']['action']): string | null {
  if (type === 'prompt')
    return typeof baseUrl === 'string' ? (writtenOrigin(baseUrl) ?? baseUrl) : 'of the usual model'
  return typeof url === 'string' ? writtenOrigin(url) : null
}

function writtenOrigin(url: string): string | null {
  const start = /^(?:[^/?#]*\/\/)?[^/?#]*/.exec(url)?.[0] ?? ''
  if (!start.includes('{{')) return URL.parse(start)?.origin ?? null
  const isFixed = [...namesIn(start)].every((name) => name.startsWith('secrets.'))
  return isFixed ? start.replaceAll(/\s/g, '').toLowerCase() : null
}
