/**
 * In a statement that is a transaction of its own: its commit does not wait for the disk. If Postgres itself dies within
 * the next half second the write may be lost, so only for what is safe to lose (docs/decisions/durable.md). Whatever is
 * committed afterwards and waits, makes this one durable too.
 */
export const notAwaited = `set_config('synchronous_commit', 'off', true) as later`
