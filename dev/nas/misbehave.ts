import { readAmount } from './instant.ts'
import {
  isMisbehaviour,
  type MisbehaviourKind,
  type MisbehaviourName,
  misbehaviours,
} from './misbehaviours.ts'

const portalCalls = ['provision', 'cancel', 'list', 'token', 'jwks'] as const

export type PortalCall = (typeof portalCalls)[number]

function isPortalCall(name: unknown): name is PortalCall {
  return portalCalls.some((call) => call === name)
}

/** What a misbehaviour is limited to. `times`: how often it still acts. `call`: for those that have `aims`. */
export type Limits = { times?: number | undefined; jobId?: string | undefined; call?: PortalCall | undefined }

/** `amount` and `word` are both there, so that `max_horizon=7d:400` and `answer=429:30` can be said. */
export type Misbehaviour = Limits & { name: MisbehaviourName; value: string; amount: number; word: string }

type Where = { jobId?: string | undefined; call?: PortalCall | undefined }

export type Misbehave = ReturnType<typeof createMisbehave>

/** Someone named a misbehaviour or a value that does not exist; the message says what does. */
export class MisbehaviourUnknown extends Error {
  override readonly name = 'MisbehaviourUnknown'
}

/** The misbehaviours that are on, at most one of each name. */
export function createMisbehave() {
  let changed: (name: MisbehaviourName) => void = () => {}
  const on = new Map<MisbehaviourName, Misbehaviour>()

  const look = (name: MisbehaviourName, where: Where = {}) => {
    const found = on.get(name)
    if (!found || (found.jobId !== undefined && found.jobId !== where.jobId)) return null
    const aims = aimsOf(name)
    if (aims === undefined || found.call === where.call) return found
    const isOtherCall = where.call === 'token' || where.call === 'jwks'
    return found.call === undefined && (aims === 'every call' || !isOtherCall) ? found : null
  }

  return {
    all: () => [...on.values()],
    /** `listener` is called after every change by `set` and `reset`, instead of an earlier one. */
    onChange(listener: (name: MisbehaviourName) => void) {
      changed = listener
    },
    look,

    /** As `look`, and counts it against `times`. */
    act(name: MisbehaviourName, where: Where = {}): Misbehaviour | null {
      const found = look(name, where)
      if (found?.times !== undefined) {
        found.times -= 1
        if (found.times <= 0) on.delete(name)
      }
      return found
    },

    /** @throws MisbehaviourUnknown: the name, the value or a limit cannot be used. */
    set(name: string, value?: string | number, limits: Limits = {}): Misbehaviour {
      const found = readMisbehaviour(name, value === undefined ? undefined : String(value), limits)
      on.set(found.name, found)
      changed(found.name)
      return found
    },

    /** Takes one back, or without a name all. */
    reset(name?: string): void {
      const names = name === undefined ? [...on.keys()] : [...on.keys()].filter((other) => other === name)
      for (const gone of names) on.delete(gone)
      for (const gone of names) changed(gone)
    },
  }
}

function aimsOf(name: MisbehaviourName): MisbehaviourKind['aims'] {
  const kind: MisbehaviourKind = misbehaviours[name]
  return kind.aims
}

/** A misbehaviour from its command line form `name[=value]`. */
export function splitMisbehaviour(text: string): [name: string, value: string | undefined] {
  const [name = '', ...value] = text.split('=')
  return [name, value.length > 0 ? value.join('=') : undefined]
}

export function readMisbehaviour(name: string, value: string | undefined, limits: Limits = {}): Misbehaviour {
  if (!isMisbehaviour(name)) {
    throw new MisbehaviourUnknown(
      `${JSON.stringify(name)} is no misbehaviour; known: ${Object.keys(misbehaviours).join(', ')}`,
    )
  }
  const kind: MisbehaviourKind = misbehaviours[name]
  if (limits.times !== undefined && (kind.lasting || !Number.isInteger(limits.times) || limits.times < 1)) {
    const expected = kind.lasting ? 'none, it lasts until it is taken back' : 'a whole number above 0'
    throw new MisbehaviourUnknown(`times of ${name} is ${limits.times}; expected ${expected}`)
  }
  if (limits.call !== undefined && (kind.aims === undefined || !isPortalCall(limits.call))) {
    const expected = kind.aims === undefined ? 'none' : `one of ${portalCalls.join(', ')}`
    throw new MisbehaviourUnknown(`call of ${name} is ${limits.call}; expected ${expected}`)
  }
  return { name, ...limits, value: value ?? '', ...readValue(name, kind, value) }
}

function readValue(
  name: string,
  kind: MisbehaviourKind,
  value: string | undefined,
): { amount: number; word: string } {
  const wrong = (expected: string) =>
    new MisbehaviourUnknown(`the value of ${name} is ${JSON.stringify(value)}; expected ${expected}`)
  if (kind.takes === 'nothing') {
    if (value) throw wrong('none')
    return { amount: 0, word: '' }
  }
  if (kind.takes === 'text') return { amount: 0, word: value || kind.fallback }
  const [first = '', second = ''] = (value ?? '').split(':')
  if (kind.takes === 'word') {
    const word = first || (kind.words[0] ?? '')
    const amount = second ? readAmount(second) : 0
    if (!kind.words.includes(word) || amount === null)
      throw wrong(`one of ${kind.words.join(', ')}, with :amount or without`)
    return { amount, word }
  }
  const amount = first ? readAmount(first) : kind.fallback
  if (amount === null) throw wrong('a number or a duration such as 500ms, 2s, 7d')
  return { amount, word: second }
}
