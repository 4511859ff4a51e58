import type { SealedPlace, SealedText, SecretStore, StoredSecret } from '../../db/index.ts'
import { AppError } from '../ground/errors.ts'
import { shortName } from '../ground/project.ts'
import { notFound } from '../ground/not-found.ts'
import { needed, type Seal } from './seal/index.ts'
import { knownValueOf } from './seal-check.ts'

/** Secrets by their names of all projects (`nameIn`). All of it throws AppError DATABASE_UNAVAILABLE, and ENCRYPTION_KEY_MISSING where values are needed. */
export type Secrets = {
  /** Their values, in one statement. @throws AppError SECRET_UNKNOWN: names those that are not there; SECRET_UNREADABLE */
  read(names: Iterable<string>): Promise<Map<string, string>>
  /** Those of the names that there are. */
  exists(names: Iterable<string>): Promise<Set<string>>
  /** Version 1: it is new. Runs that begin afterwards use the new value. */
  put(name: string, value: string): Promise<StoredSecret>
  list: SecretStore['list']
  /** @throws AppError SECRET_NOT_FOUND, SECRET_IN_USE: names the jobs that mention it */
  remove(name: string): Promise<void>
  /**
   * Seals everything with the current key that an older one sealed: secrets, channels, the tokens of the NAS login. Each
   * row is a compare-and-set, so it may run while others write, and more than once. What cannot be opened stays.
   */
  rotate(): Promise<Rotation>
}

/** `unreadable`: no configured key opens them, by their contexts. `left`: others kept changing; rotate again. */
export type Rotation = { keyId: string; resealed: number; unreadable: string[]; left: number }

type SecretsNeeds = {
  store: SecretStore
  seal: Seal | null
  /** Rejects if nothing may be sealed with this key. */
  expectKey?: () => Promise<void>
  /** Told each value that is handed out. */
  onRead?: (value: string) => void
}
type Place = SealedPlace & { contextOf(owner: string): string }

/** All that is sealed anywhere. The contexts are those that each is sealed with by its owner. */
const places: Place[] = [
  { table: 'secrets', owner: 'name', column: 'sealed', contextOf: contextOfSecret },
  { table: 'channels', owner: 'name', column: 'sealed', contextOf: (name) => `channel:${name}` },
  ...(['refresh', 'access'] as const).map((kind) => ({
    ...{ table: 'nas_login', owner: 'client_id', column: `${kind}_sealed` },
    contextOf: (clientId: string) => `nas_login:${clientId}:${kind}`,
  })),
]

/** A sealed channel has 350 KB at most. */
const pageSize = 20
/** A row that is written by a process with the former key in mid-rotation is met again in the next round. */
const maxRounds = 3

export function createSecrets({
  store,
  seal,
  expectKey = async () => {},
  onRead = () => undefined,
}: SecretsNeeds): Secrets {
  async function read(asked: Iterable<string>): Promise<Map<string, string>> {
    const names = [...new Set(asked)]
    if (names.length === 0) return new Map()
    const { open } = needed(seal, 'secrets')
    const found = await store.find(names)
    const values = new Map(found.map(({ name, sealed }) => [name, open(sealed, contextOfSecret(name))]))
    for (const value of values.values()) onRead(value)
    const missing = names.filter((name) => !values.has(name)).map(shortName)
    if (missing.length === 0) return values
    const many = missing.length > 1
    const message = `No ${many ? 'secrets' : 'secret'} named ${missing.join(', ')}`
    throw new AppError('SECRET_UNKNOWN', message)
  }

  async function remove(name: string): Promise<void> {
    const { isRemoved, users } = await store.remove(name)
    if (isRemoved) return
    if (users.length === 0) {
      throw notFound('secret', shortName(name))
    }
    const jobs = users.map((job) => `${job.id} (${job.name})`).join(', ')
    throw new AppError(
      'SECRET_IN_USE',
      `Secret ${shortName(name)} is used by job ${jobs}. Remove it from those jobs first.`,
      {
        extra: { jobs: users.map(({ id }) => id) },
      },
    )
  }

  async function rotate(): Promise<Rotation> {
    const sealer = needed(seal, 'secrets')
    await expectKey()
    const total: Rotation = { keyId: sealer.keyId, resealed: 0, unreadable: [], left: 0 }
    for (let round = 0; round < maxRounds; round++) {
      const passes = []
      for (const place of places) passes.push(await rotatePlace(place, sealer))
      total.resealed += passes.reduce((sum, pass) => sum + pass.resealed, 0)
      total.unreadable = passes.flatMap((pass) => pass.unreadable)
      total.left = passes.reduce((sum, pass) => sum + pass.changed, 0)
      if (total.left === 0 && passes.every((pass) => pass.resealed === 0)) break
    }
    // the older keys may go now, as far as they are not needed to decrypt anything
    if (total.left === 0) await store.putKnownValue(knownValueOf(sealer))
    return total
  }

  async function rotatePlace(place: Place, sealer: Seal) {
    const pass = { resealed: 0, changed: 0, unreadable: [] as string[] }
    for (let after = ''; ; ) {
      const rows = await store.sealedOtherwise(place, sealer.keyId, after, pageSize)
      for (const row of rows) {
        const sealed = sealAnew(sealer, row, place.contextOf(row.owner))
        if (sealed === null) pass.unreadable.push(place.contextOf(row.owner))
        else if (await store.reseal(place, row, sealed)) pass.resealed += 1
        else pass.changed += 1
      }
      const last = rows.at(-1)
      if (!last || rows.length < pageSize) return pass
      after = last.owner
    }
  }

  return {
    read,
    exists: async (names) => new Set((await store.find([...new Set(names)])).map(({ name }) => name)),
    async put(name, value) {
      const sealer = needed(seal, 'secrets')
      await expectKey()
      return store.put(name, sealer.seal(value, contextOfSecret(name)))
    },
    list: store.list,
    remove,
    rotate,
  }
}

function contextOfSecret(name: string): string {
  return `secret:${name}`
}

/** Null: no key that is given here opens it. */
function sealAnew({ seal, open }: Seal, { sealed }: SealedText, context: string): string | null {
  try {
    return seal(open(sealed, context), context)
  } catch (error) {
    if (error instanceof AppError && error.code === 'SECRET_UNREADABLE') return null
    throw error
  }
}
