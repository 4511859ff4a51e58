/** That a process is up, and for how long. */
export type Arrival = { machineId: string; owner: string; upMs: number }

/** The name, in `facts`, of the record of a machine's last process. */
export const recordOf = (machineId: string) => `process:${machineId}`

/**
 * The CTE `noted`, for a statement that waits for the disk and has a CTE `clock`: the record of the process, with the one
 * before it inside. A machine that boots for a fire needs no commit of its own for it then.
 *
 * Nothing is noted, and the look of the boot does it (db/process-record.ts), if the record before says "up", because then the
 * time of a process that was killed has to be added up; if there is none; and if another process writes to it, for which no
 * claim waits.
 *
 * `n`: the number of its first parameter.
 */
export const notedOf = (n: number) => `
    noted as (
      update facts set updated_at = now, value = jsonb_build_object(
        'state', 'up', 'owner', $${n + 1}::text, 'at', now, 'up_ms', $${n + 2}::text::bigint, 'before', facts.value - 'before')
      from clock, (
        select name from facts
        where name = $${n}::text and value ->> 'state' <> 'up' and value ->> 'owner' <> $${n + 1}::text
        for update skip locked) free
      where facts.name = free.name
    )`

/** Its parameters. */
export const notedBy = ({ machineId, owner, upMs }: Arrival): string[] => [
  recordOf(machineId),
  owner,
  String(Math.round(upMs)),
]
