import { call, search } from '../api.ts'
import { useLoad } from '../load.ts'
import { Button } from '../parts/button.tsx'
import { Empty } from '../parts/empty.tsx'
import { Link } from '../parts/link.tsx'
import { ErrorNotice } from '../parts/notice.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Verdict, verdictWord } from '../parts/verdict.tsx'
import { When } from '../parts/when.tsx'
import { go, setQuery } from '../router.ts'
import type { JobDay, Slot } from '../types.ts'
import { sumOfDay } from './days.ts'

type DayProps = { jobId: string; day: string; sums: JobDay | undefined }

/** Every slot of a UTC day, with its verdict and the reason for it. */
export function DaySlots({ jobId, day, sums }: DayProps) {
  const from = `${day}T00:00:00Z`
  const to = new Date(Date.parse(from) + 86_400_000).toISOString()
  const { data, error, isLoading } = useLoad(
    () => call<{ slots: Slot[] }>('GET', `/api/jobs/${jobId}/slots${search({ from, to, limit: 1000 })}`),
    [jobId, day],
    { live: false },
  )
  const slots = data?.slots ?? []
  return (
    <section class="day" aria-label={`Slots of ${day}`}>
      <header>
        <h3>
          {new Intl.DateTimeFormat(navigator.language, { dateStyle: 'full', timeZone: 'UTC' }).format(
            new Date(from),
          )}
        </h3>
        <span class="quiet">{sumOfDay(sums)}</span>
        <Button kind="quiet" onPress={() => setQuery({ day: null })}>
          Close
        </Button>
      </header>
      <ErrorNotice error={error} />
      {slots.length > 0 && (
        <Table<Slot>
          label={`Slots of ${day}`}
          rows={slots}
          columns={columns}
          rowKey={({ slot }) => slot}
          rowHeight={36}
          onOpen={({ run_id: run }) => run && go(`/runs/${run}`)}
        />
      )}
      {!isLoading && !error && slots.length === 0 && (
        <Empty title="No single slot of this day is stored">
          {sums
            ? 'Its runs are older than the history that is kept; the sums above stay.'
            : 'The schedule names none.'}
        </Empty>
      )}
    </section>
  )
}

const columns: readonly Column<Slot>[] = [
  { key: 'slot', title: 'Slot', width: '170px', cell: ({ slot }) => <When at={slot} seconds /> },
  {
    key: 'verdict',
    title: 'Verdict',
    width: '120px',
    cell: ({ verdict, reason }) => <Verdict verdict={verdict === 'ran' ? (reason ?? 'ran') : verdict} />,
  },
  {
    key: 'reason',
    title: 'Reason',
    cell: ({ verdict, reason, run_id: run }) => (
      <>
        {verdict !== 'ran' && reason && <span>{verdictWord(reason)} </span>}
        {run && <Link href={`/runs/${run}`}>its run</Link>}
      </>
    ),
  },
]
