/** That a process is up, and for how long. */
export type Arrival = { machineId: string; owner: string; upMs: number }

/** The name, in `facts`, of the record of a machine's last process. */
export const recordOf = (machineId: string) => `process:${machineId}`

/**
 * The CTE `noted`, for a statement that waits for the disk and has a CTE `clock`: the record of the process, with the one
 * before it inside. A machine that boots for a fire needs no commit of its own for it then.
 *
 * Nothing is noted if the record before says "up": then the time of a process that was killed has to be added up, which the
 * look of the boot does (db/process-record.ts). Nor if there is one of this process already.
 *
 * `n`: the number of its first parameter.
 */
export const notedOf = (n: number) => `
    noted as (
      insert into facts (name, value, updated_at)
      select $${n}::text, jsonb_build_object('state', 'up', 'owner', $${n + 1}::text, 'at', now, 'up_ms', $${n + 2}::text::bigint), now
      from clock
      on conflict on constraint facts_pkey do update set
        value = excluded.value || jsonb_build_object('before', facts.value - 'before'), updated_at = excluded.updated_at
      where facts.value ->> 'state' <> 'up' and facts.value ->> 'owner' <> excluded.value ->> 'owner'
    )`

/** Its parameters. */
export const notedBy = ({ machineId, owner, upMs }: Arrival): string[] => [
  recordOf(machineId),
  owner,
  String(Math.round(upMs)),
]
