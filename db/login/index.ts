/**
 * How Postgres is reached. A door of its own beside that of `db`, because a boot begins here before it loads the driver
 * and all that is built on it.
 */
export { type Ahead, type LoggedIn, logInAhead } from './ahead.ts'
export { connectionError } from './connection-error.ts'
export { dial } from './dial.ts'
export { keysQuestion, readKeysAnswer, type StoredKeys } from './keys.ts'
export { sessionOf, usualApplicationName } from './session.ts'
