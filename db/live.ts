/**
 * The live runs of a job, of which `selected` is a value over all (`l`); `r`: where the statement has the row of `job_runtime`.
 * They are named in it, so that no index has to follow the states of runs; only what an older release wrote is searched for.
 */
export function ofLiveRuns(selected: string): string {
  const runs = `select ${selected} from runs l
      where l.job_id = r.job_id and l.state in ('claimed', 'running', 'waiting')`
  return `case when r.live_rev = r.rev then (${runs} and l.id = any (r.live)) else (${runs}) end`
}
