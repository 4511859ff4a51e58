/** A rule of the source taken away, and the tests of which at least one must fail without it. */
export type Mutation = {
  /** What is taken away. */
  name: string
  file: string
  /** Occurs exactly once in `file`; its replacement. */
  find: string
  put: string
  /** A second guard, which has to go as well. */
  also?: { file?: string; find: string; put: string }
  /** A test file, and the text that names the tests in it. */
  tests: { file: string; pattern: string }
}

const races = 'test/reliability/races.test.ts'
const manners = 'test/reliability/manners.test.ts'
const outcomes = 'test/reliability/outcomes.test.ts'
const pauses = 'test/projects/pause.test.ts'
const quotas = 'test/projects/quotas.test.ts'
const unarmed = 'test/fire/unarmed.test.ts'
const listing = 'test/schedulers/listing.test.ts'

export const mutations: Mutation[] = [
  {
    name: 'the fence from settle',
    file: 'src/decisions/settle.ts',
    find: 'id === done.runId && fence === done.fence && (leaseUntil || callbackUntil)',
    put: 'id === done.runId && (leaseUntil || callbackUntil)',
    tests: { file: races, pattern: 'cannot settle what another one runs' },
  },
  {
    name: 'the revision from the claim',
    file: 'db/move.ts',
    find: ' and r.rev = w.rev',
    put: '',
    tests: { file: races, pattern: 'decided upon a look before a pause' },
  },
  {
    name: 'arming on the duplicate path',
    file: 'src/run/fire.ts',
    find: '    const { order, atRest } = beginClaimed(claimed)\n    await arm(',
    put: "    const { order, atRest } = beginClaimed(claimed)\n    if (claimed.state === 'claimed' && claimed.runIds.length > 0) await arm(",
    tests: { file: races, pattern: 'not acknowledged before' },
  },
  {
    name: 'the arm lease',
    file: 'db/arms.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the text of the source
    find: '\n        and (${armLeaseIsFree} or starts_with(r.arm_lease_by, w.heir_of))',
    put: '',
    tests: { file: races, pattern: 'two edits whose arms overlap' },
  },
  {
    name: 'an arm lease of its own for each try',
    file: 'src/arming/arm-lease.ts',
    find: '    taken += 1\n',
    put: '',
    tests: { file: 'test/schedulers/chronos.test.ts', pattern: 'written late of an earlier try' },
  },
  {
    name: 'the watchdog',
    file: 'db/move.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the text of the source
    find: "          case when x.starts then clock.now + (x.lease_ms + ${leaseMarginMs}) * interval '1 ms' end,\n",
    put: '',
    also: {
      file: 'db/ready.ts',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the text of the source
      find: "w.now + (${leaseMs} + ${leaseMarginMs}) * interval '1 ms'),",
      put: 'null),',
    },
    tests: { file: races, pattern: 'found by the watchdog' },
  },
  {
    name: 'the lease check before an effect',
    file: 'src/run/runner.ts',
    find: "    if (delays.now() >= run.leaseEndsAt) return 'lost'\n",
    put: '',
    also: { file: 'src/run/leases.ts', find: 'delays.now() < run.leaseEndsAt', put: 'true' },
    tests: { file: races, pattern: 'does not begin the effect' },
  },
  {
    name: 'the fresh fire_at',
    file: 'src/arming/fire-at.ts',
    find: '  const isUsed = (ms: number) => used.has(secondOf(new Date(ms)))',
    put: '  const isUsed = (ms: number) => used.has(secondOf(new Date(ms))) && false',
    tests: { file: manners, pattern: 'swallows' },
  },
  {
    name: 'a claim awaited until it is accepted',
    file: 'src/run/admission.ts',
    find: '      const written = await store.transition(look.view, decision, writing)\n',
    put: '      const written = await store.transition(look.view, decision, writing).finally(() => expect(decision, -1))\n',
    tests: { file: races, pattern: 'decided upon a look does not' },
  },
  {
    name: 'a claim that was decided beforehand, awaited until it is accepted',
    file: 'src/run/admission.ts',
    find: '    awaitedReady.add(runId)\n',
    put: '',
    tests: { file: races, pattern: 'decided beforehand does not' },
  },
  {
    name: 'the time of a claim that was decided beforehand',
    file: 'db/ready.ts',
    find: ' and w.now < r.ready_until',
    put: '',
    tests: { file: 'test/store/ready.test.ts', pattern: 'nothing is claimed' },
  },
  {
    name: 'that nothing has happened since a claim was decided beforehand',
    file: 'db/ready.ts',
    find: ' and r.ready_rev = r.rev',
    put: '',
    tests: { file: 'test/store/ready.test.ts', pattern: 'moves rev' },
  },
  {
    name: 'the slot after the one of a claim that was decided beforehand',
    file: 'src/decisions/ready.ts',
    find: ', from + graceMs(job, slot) + 1, secondMs)',
    put: ', from + graceMs(job, slot) + 1)',
    tests: { file: 'test/decisions/properties.test.ts', pattern: 'whatever happens' },
  },
  {
    name: 'the version of a claim that was decided beforehand',
    file: 'db/ready.ts',
    find: ' and r.ready_version = j.version',
    put: '',
    tests: { file: 'test/store/ready.test.ts', pattern: 'action from before' },
  },
  {
    name: 'the look after the answer',
    file: 'src/arming/confirm.ts',
    find: '      if (isLookedAt) await sleep(delays, settleMs)\n',
    put: '      if (isLookedAt) await new Promise(() => {})\n',
    tests: { file: manners, pattern: 'forgets a newer arm' },
  },
  {
    name: 'the sweep after a fire',
    file: 'src/core.ts',
    find: '    schedulers.sweepSoon()\n',
    put: '',
    tests: { file: 'test/stories/lost.test.ts', pattern: 'at the next fire of another job' },
  },
  {
    name: 'deliveries from settle',
    file: 'src/decisions/settle.ts',
    find: '  addDeliveries(draft, run, outcome)\n',
    put: '',
    tests: { file: outcomes, pattern: 'is sent again when' },
  },
  {
    name: 'the lease of a delivery from the wake time',
    file: 'db/move.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the text of the source
    find: "case when x.sends then clock.now + ${deliveryLeaseMs + leaseMarginMs} * interval '1 ms' end",
    put: 'null',
    tests: { file: outcomes, pattern: 'dies while a delivery is under way' },
  },
  {
    name: 'the fence of a try to deliver',
    file: 'src/decisions/deliver.ts',
    find: 'id === done.id && attempt === done.attempt && leaseUntil',
    put: 'id === done.id && leaseUntil',
    tests: { file: outcomes, pattern: 'a frozen process says of its try' },
  },
  {
    name: 'the one id of a chained run',
    file: 'src/delivery/chain.ts',
    find: 'await startAfter(jobId, { runId: deliveryId,',
    put: 'await startAfter(jobId, { runId: crypto.randomUUID(),',
    tests: { file: outcomes, pattern: 'started once by the outcome' },
  },
  {
    name: 'the wake-up of a start that was made before',
    file: 'src/delivery/chain.ts',
    find: '      ? await changes.makeSure(jobId, { needed: true })\n',
    put: '      ? { armed: true }\n',
    tests: { file: outcomes, pattern: 'a start that was made before' },
  },
  {
    name: 'the deadline of a callback from the wake time',
    file: 'src/decisions/draft.ts',
    find: '    if (run.callbackUntil) terms.push(run.callbackUntil)\n',
    put: '',
    tests: { file: outcomes, pattern: 'never reports' },
  },
  {
    name: 'the wake-up before a report is refused',
    file: 'src/run/callback.ts',
    find: '        isTaken = decision !== null\n',
    put: "        if (!decision) throw new AppError('CALLBACK_GONE', 'too late')\n        isTaken = true\n",
    tests: { file: outcomes, pattern: 'is not refused before' },
  },
  {
    name: 'the look at a job whose follower waits for other outcomes',
    file: 'db/jobs.ts',
    find: 'JSON.stringify(before) === JSON.stringify(after)',
    put: 'before?.job === after?.job',
    tests: { file: outcomes, pattern: 'which outcomes start' },
  },
  {
    name: 'that a usual end leaves the rest of the job as it was',
    file: 'db/ends.ts',
    find: 'kept.every((key) => isSame(runtime[key], view.runtime[key]))',
    put: 'kept.length > 0',
    tests: { file: 'test/store/ends.test.ts', pattern: 'changes more' },
  },
  {
    name: 'the fence of a run from the statement of its end',
    file: 'db/run-writes.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the text of the source
    find: " and u.fence = ${value('seen_fence')}",
    put: '',
    tests: { file: 'test/store/ends.test.ts', pattern: 'stale fence' },
  },
  {
    name: 'the pause of a project from a claim that was decided beforehand',
    file: 'db/ready.ts',
    find: "where p.name in (j.project, '*') and (p.is_special",
    put: 'where false and (p.is_special',
    tests: { file: pauses, pattern: 'or looked before' },
  },
  {
    name: 'the pause of a project from the look',
    file: 'db/look.ts',
    find: 'having bool_or(p.is_special',
    put: 'having bool_or(false and p.is_special',
    tests: { file: pauses, pattern: 'is honoured by a fire' },
  },
  {
    name: 'the revision that a pause of a project moves',
    file: 'db/projects.ts',
    find: 'update job_runtime r set rev = r.rev + 1 from locked',
    put: 'update job_runtime r set rev = r.rev from locked',
    tests: { file: pauses, pattern: 'or looked before' },
  },
  {
    name: 'the revision that the end of a pause moves',
    file: 'db/projects.ts',
    find: 'update job_runtime r set rev = r.rev + 1,\n',
    put: 'update job_runtime r set rev = r.rev + l.is_due::int,\n',
    tests: { file: pauses, pattern: 'stays paused' },
  },
  {
    name: 'the pause of a project from retries',
    file: 'src/decisions/attend.ts',
    find: "if (draft.runtime.state !== 'paused' && !isProjectPaused(view)) startWaiting",
    put: "if (draft.runtime.state !== 'paused') startWaiting",
    tests: { file: pauses, pattern: 'a retry and a job' },
  },
  {
    name: 'the pause of a project from a start by hand',
    file: 'src/decisions/change.ts',
    find: '  checkProject(view)\n',
    put: '',
    tests: { file: pauses, pattern: 'is honoured by a fire' },
  },
  {
    name: 'the verdict of the slots of a pause',
    file: 'src/decisions/attend.ts',
    find: '    foldProjectPause(draft)\n',
    put: '',
    tests: { file: pauses, pattern: 'each slot of it' },
  },
  {
    name: 'the wake-up at the end of a pause',
    file: 'db/projects.ts',
    find: 'wake_at = case when l.is_due then',
    put: 'wake_at = case when false then',
    also: { find: 'wake_gen = r.wake_gen + l.is_due::int', put: 'wake_gen = r.wake_gen' },
    tests: { file: pauses, pattern: 'of a job that is finished' },
  },
  {
    name: 'the wake-up of a finished job at the end of a pause',
    file: 'db/projects.ts',
    find: "or (state <> 'paused' and exists",
    put: 'or (false and exists',
    tests: { file: pauses, pattern: 'of a job that is finished' },
  },
  {
    name: 'the arm that a resume promises',
    file: 'src/access/projects.ts',
    find: "      if (state === 'owed') resolve(false)\n",
    put: '',
    tests: { file: unarmed, pattern: 'while the timer service fails' },
  },
  {
    name: 'the count of the runs of a minute',
    file: 'src/run/admission.ts',
    find: '    if (wanted && !minute) return null\n',
    put: '',
    tests: { file: quotas, pattern: 'beyond runs_per_minute' },
  },
  {
    name: 'the places of a project',
    file: 'src/run/places.ts',
    find: '...(project?.places == null ? []',
    put: '...(project?.places === project?.places ? []',
    tests: { file: quotas, pattern: 'places of a project' },
  },
  {
    name: 'the instant of the list that the look of a boot compares',
    file: 'src/arming/listing.ts',
    find: 'listedArms(answer.value, listing.listedAt)',
    put: 'listedArms(answer.value, new Date())',
    tests: { file: listing, pattern: 'recorded after the list was asked for' },
  },
  {
    name: 'the instant of a list that is compared after that look',
    file: 'src/arming/reconcile.ts',
    find: 'seen?.listing?.listedAt ?? standing.now',
    put: 'standing.now',
    tests: { file: listing, pattern: 'comes too late for the look' },
  },
]
