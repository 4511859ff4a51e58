import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

const schema = `
  create table meta (name text primary key, value text not null) strict, without rowid;
  create table agents (id text primary key, record text not null) strict, without rowid;
  create table arms (
    agent_id text not null references agents (id) on delete cascade,
    job_id text not null,
    schedule_id text not null,
    fire_at text not null,
    fire_at_ms integer not null,
    callback_url text not null,
    tries integer not null,
    due_ms integer not null,
    primary key (agent_id, job_id)
  ) strict, without rowid;
  create index arms_by_due on arms (due_ms);
  pragma user_version = 1;
`

export class DatabaseInUse extends Error {}

/**
 * Opens the file that holds everything, and makes it if there is none, readable by its owner only. Committed data
 * survives a power cut (WAL, synchronous = FULL). One process at a time: the lock ends with it, however it ends.
 *
 * @throws DatabaseInUse: another process has it.
 */
export function openDatabase(file: string) {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  process.umask(0o077)
  const lock = lockFor(file)
  const database = new DatabaseSync(file)
  database.exec('pragma journal_mode = wal; pragma synchronous = full; pragma cache_size = -2000')
  const version = database.prepare('pragma user_version').get()?.['user_version']
  if (version === 0) database.exec(`begin; ${schema} commit`)
  else if (version !== 1)
    throw new Error(`${file} has version ${String(version)}; this relay reads version 1.`)
  return {
    database,
    close() {
      database.close()
      lock.close()
    },
  }
}

/** A file beside the database, so that copying the database while the relay runs (sqlite3's .backup) stays possible. */
function lockFor(file: string): DatabaseSync {
  const lock = new DatabaseSync(`${file}.lock`)
  try {
    lock.exec('pragma locking_mode = exclusive; begin exclusive')
    return lock
  } catch (error) {
    lock.close()
    throw new DatabaseInUse(`${file} is in use by another relay. Stop that one first.`, { cause: error })
  }
}
