import { useMemo } from 'preact/hooks'
import { call, search } from '../api.ts'
import { moneyText } from '../cost/money.ts'
import { type Costs, Forecast, Sums } from '../cost/sums.tsx'
import { useLoad } from '../load.ts'
import { Button } from '../parts/button.tsx'
import { Chart } from '../parts/chart.tsx'
import { counted, countText } from '../parts/count.ts'
import { Empty } from '../parts/empty.tsx'
import { Field } from '../parts/field.tsx'
import { Link } from '../parts/link.tsx'
import { ErrorNotice, Notice } from '../parts/notice.tsx'
import { PageHead, Panel } from '../parts/panel.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Duration, durationText, When } from '../parts/when.tsx'
import { look, project, seesAll } from '../project.ts'
import { go, query, setQuery } from '../router.ts'
import { session } from '../session.ts'

const windows = [
  { value: '7', label: 'the last 7 days' },
  { value: '', label: 'the last 30 days' },
  { value: '90', label: 'the last 90 days' },
  { value: '365', label: 'the last year' },
]
/** What a small machine costs for an hour, in US dollars: the reader's own price is kept in the address. */
const usualPrice = 0.0028

/** What was used, by day and by job, beside what a machine that is always on would have cost. */
export function CostPage() {
  const days = query.value.get('days') ?? ''
  const price = query.value.get('price') ?? ''
  const ofOne = project.value ?? session.value?.project ?? null
  const perHour = ofOne !== null ? null : Number(price) > 0 ? Number(price) : usualPrice
  const { data, error, reload } = useLoad(
    () => call<Costs>('GET', `/api/costs${search({ from: dayBefore(Number(days || '30') - 1) })}`),
    [days, ofOne],
  )
  return (
    <>
      <PageHead
        title="Cost"
        note={
          data?.awake_since && (
            <>
              counted since <When at={data.awake_since} />
            </>
          )
        }
        actions={
          <>
            <Field
              label="Window"
              hideLabel
              value={days}
              onInput={(value) => setQuery({ days: value })}
              options={windows}
            />
            {perHour !== null && (
              <Field
                label="Price of the machine, in US dollars for an hour"
                hideLabel
                type="number"
                value={price}
                placeholder={`${usualPrice} $ an hour`}
                onInput={(value) => setQuery({ price: value })}
              />
            )}
          </>
        }
      />
      <ErrorNotice error={error} actions={<Button onPress={reload}>Try again</Button>} />
      {data && (
        <>
          {ofOne !== null && <OfOne name={ofOne} />}
          <Sums costs={data} perHour={perHour} />
          <Forecast costs={data} perHour={perHour} />
          <ByDay days={data.days} isOfOne={ofOne !== null} />
          <ByJob costs={data} />
        </>
      )}
    </>
  )
}

function dayBefore(count: number): string {
  return new Date(Date.now() - count * 86_400_000).toISOString().slice(0, 10)
}

/** What is not counted by project is not shown as nothing. */
function OfOne({ name }: { name: string }) {
  return (
    <Notice
      title={`What the jobs of ${name} have used`}
      actions={seesAll.value && <Button onPress={() => look('')}>Look at all projects</Button>}
    >
      How long a machine was awake, how often it started and what that costs is counted for the whole service,
      because projects share it.{!seesAll.value && ' A key of all projects shows it.'}
    </Notice>
  )
}

function ByDay({ days, isOfOne }: { days: Costs['days']; isOfOne: boolean }) {
  const { awake, busy, starts, money } = useMemo(() => {
    const at = days.map(({ day }) => Date.parse(day) / 1000)
    return {
      awake: [at, days.map(({ awake_ms: ms }) => ms)] as const,
      busy: [at, days.map(({ busy_ms: ms }) => ms)] as const,
      starts: [at, days.map((day) => day.starts), days.map((day) => day.wakes_shared)] as const,
      money: [at, days.map((day) => day.cost_usd)] as const,
    }
  }, [days])
  if (days.length === 0)
    return (
      <Empty title="Nothing was used in these days">
        Each day on which {isOfOne ? 'a run ended' : 'a process was up or a run ended'} has a bar here.
      </Empty>
    )
  const hasMoney = days.some((day) => day.cost_usd > 0)
  return (
    <div class="panels">
      {isOfOne ? (
        <Panel title="At work, by day" note="days of UTC">
          <Chart
            label={`How long runs were at work by day, ${counted(days.length, 'day')}`}
            isDaily
            data={busy as never}
            series={[{ label: 'at work', kind: 'bars' }]}
            isTime
            format={durationText}
          />
        </Panel>
      ) : (
        <>
          <Panel title="Awake, by day" note="days of UTC">
            <Chart
              label={`How long processes were up by day, ${counted(days.length, 'day')}`}
              isDaily
              data={awake as never}
              series={[{ label: 'awake', kind: 'bars' }]}
              isTime
              format={durationText}
            />
          </Panel>
          <Panel title="Starts and wakes shared, by day">
            <Chart
              label={`Starts and wakes shared by day, ${counted(days.length, 'day')}`}
              isDaily
              data={starts as never}
              series={[
                { label: 'starts', kind: 'bars' },
                { label: 'wakes shared', look: 'good' },
              ]}
              format={countText}
            />
          </Panel>
        </>
      )}
      {hasMoney && (
        <Panel title="Money of prompts, by day">
          <Chart
            label={`What prompts cost by day, ${counted(days.length, 'day')}`}
            isDaily
            data={money as never}
            series={[{ label: 'US dollars', kind: 'bars', look: 'missed' }]}
            format={moneyText}
          />
        </Panel>
      )}
    </div>
  )
}

type JobCost = Costs['jobs'][number]

const columns: readonly Column<JobCost>[] = [
  {
    key: 'name',
    title: 'Job',
    width: 'minmax(0, 1.6fr)',
    cell: ({ job_id: id, name }) =>
      name === null ? <span class="quiet">deleted ({id})</span> : <Link href={`/jobs/${id}`}>{name}</Link>,
  },
  {
    key: 'busy',
    title: 'At work',
    width: '92px',
    align: 'end',
    cell: ({ busy_ms: ms }) => <Duration ms={ms} />,
  },
  { key: 'runs', title: 'Runs', width: '60px', align: 'end', cell: ({ runs }) => countText(runs) },
  {
    key: 'attempts',
    title: 'Attempts',
    width: '90px',
    align: 'end',
    from: 'tablet',
    cell: ({ attempts }) => countText(attempts),
  },
  {
    key: 'tokens',
    title: 'Tokens',
    width: '110px',
    align: 'end',
    from: 'tablet',
    cell: (job) => countText(job.tokens_in + job.tokens_out),
  },
  {
    key: 'money',
    title: 'Prompts',
    width: '90px',
    align: 'end',
    from: 'tablet',
    cell: ({ cost_usd: usd }) => (usd > 0 ? moneyText(usd) : '–'),
  },
]

function ByJob({ costs: { jobs, others, jobs_from: since } }: { costs: Costs }) {
  if (jobs.length === 0) return null
  const rest =
    others.runs > 0
      ? `; all others together: ${durationText(others.busy_ms)} at work, ${counted(others.runs, 'run')}`
      : ''
  return (
    <Panel title="By job" note={`those that were at work longest, since ${since}${rest}`} flush>
      <Table
        label="What each job has used"
        rows={jobs}
        columns={columns}
        rowKey={({ job_id: id }) => id}
        rowHeight={38}
        onOpen={({ job_id: id }) => go(`/jobs/${id}`)}
      />
    </Panel>
  )
}
