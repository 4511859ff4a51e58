import { useState } from 'preact/hooks'
import { Bulk, type BulkResult } from '../jobs/bulk.tsx'
import { jobColumns } from '../jobs/columns.tsx'
import { type Compared, useCompared } from '../jobs/figures.ts'
import { Filters, filterOf } from '../jobs/filters.tsx'
import { type JobList, useJobs } from '../jobs/list.ts'
import { Button } from '../parts/button.tsx'
import { countText } from '../parts/count.ts'
import { Empty } from '../parts/empty.tsx'
import { Link } from '../parts/link.tsx'
import { ErrorNotice, Notice } from '../parts/notice.tsx'
import { PageHead } from '../parts/panel.tsx'
import { type Sort, Table } from '../parts/table.tsx'
import { go, query, setQuery } from '../router.ts'
import { may } from '../session.ts'
import type { Job } from '../types.ts'

/** All jobs as a table: it filters as one types, and what is chosen can be paused, resumed, run and deleted together. */
export function JobsPage() {
  const filter = filterOf(query.value)
  const list = useJobs(filter)
  const sort = sortOf(query.value.get('sort'))
  const [chosen, choose] = useState<ReadonlySet<string>>(new Set())
  const [result, setResult] = useState<BulkResult | null>(null)
  const compared = useCompared(list, sort, JSON.stringify(filter))
  const { jobs: rows } = compared
  const sortBy = (next: Sort) => setQuery({ sort: `${next.descending ? '-' : ''}${next.by}` })
  const chooseAll = async () => choose(new Set((await list.all()).map(({ id }) => id)))
  const done = (told: BulkResult) => {
    setResult(told)
    choose(new Set())
    void list.refresh()
  }
  const isChoosing = may('jobs:write') || may('runs:start')
  return (
    <>
      <PageHead
        title="Jobs"
        note={list.isFirst ? ' ' : noteOf(list, compared)}
        actions={
          may('jobs:write') && (
            <Link href="/make" class="button main">
              Make a job
            </Link>
          )
        }
      />
      <Filters />
      <ErrorNotice
        error={list.error ?? compared.error}
        actions={<Button onPress={list.error ? list.refresh : compared.again}>Try again</Button>}
      />
      {result && <Told result={result} onClose={() => setResult(null)} />}
      <Bulk
        chosen={list.jobs.filter(({ id }) => chosen.has(id))}
        onDone={done}
        onClear={() => choose(new Set())}
      />
      {rows.length > 0 ? (
        <div class="panel flush jobs-table">
          <Table<Job>
            label="Jobs"
            rows={rows}
            columns={jobColumns}
            rowKey={({ id }) => id}
            rowHeight={54}
            onOpen={({ id }) => go(`/jobs/${id}`)}
            onEnd={() => void (!compared.isByFigure && list.more())}
            onSort={sortBy}
            {...(sort ? { sort } : {})}
            {...(isChoosing ? { chosen, onChoose: choose } : {})}
          />
          {isChoosing && list.hasMore && chosen.size > 0 && (
            <Button kind="quiet" onPress={chooseAll}>
              Choose all that match, those further down too
            </Button>
          )}
        </div>
      ) : (
        !list.isFirst &&
        !list.error && <Nothing isFiltered={[...query.value.keys()].some((name) => name !== 'project')} />
      )}
    </>
  )
}

/** What is in order by its strips is not all that matches, if that is very much. */
function noteOf({ jobs, hasMore }: JobList, { jobs: rows, isByFigure, isComparing }: Compared): string {
  if (isComparing) return 'comparing the last runs of these jobs'
  if (isByFigure && (hasMore || jobs.length > rows.length))
    return `${countText(rows.length)} newest compared: search or filter to compare others`
  return `${countText(rows.length)}${hasMore ? ' or more' : ''} shown`
}

function Told({ result, onClose }: { result: BulkResult; onClose: () => void }) {
  return (
    <Notice
      kind={result.failures.length > 0 ? 'warning' : 'good'}
      title={result.text}
      actions={
        <Button kind="quiet" onPress={onClose}>
          Close
        </Button>
      }
    >
      {result.failures.length > 0 && (
        <ul>
          {result.failures.slice(0, 5).map((one) => (
            <li key={one}>{one}</li>
          ))}
        </ul>
      )}
    </Notice>
  )
}

function Nothing({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered)
    return (
      <Empty title="No job matches">
        <Link href="/jobs">Show all jobs</Link>, or search for a part of a name or of a prompt.
      </Empty>
    )
  return (
    <Empty title="There is no job yet">
      A job is a schedule and something to do: an HTTP call, a prompt, a program. The machine is off in
      between. {may('jobs:write') && <Link href="/make">Make the first one</Link>}
    </Empty>
  )
}

function sortOf(text: string | null): Sort | null {
  if (!text) return null
  return { by: text.replace(/^-/, ''), descending: text.startsWith('-') }
}
