/** One safeguard each, taken away: the text that carries it, and what stands there without it. */
export type Breakage = { name: string; edits: { file: string; from: string; to: string }[] }

const tables = 'dev/simulation/tables.ts'
const projects = 'dev/simulation/projects.ts'

/** Where the safeguard is in the SQL, its model is broken, which is held to the SQL by test/simulation/conformance.test.ts. */
export const breakages: Breakage[] = [
  {
    name: 'the fence at settle',
    edits: [
      {
        file: 'src/decisions/settle.ts',
        from: 'id === done.runId && fence === done.fence && (leaseUntil || callbackUntil)',
        to: 'id === done.runId && fence > 0 && (leaseUntil || callbackUntil)',
      },
      { file: tables, from: ' || before.fence !== write.seenFence', to: '' },
    ],
  },
  {
    name: 'the revision at the claim',
    edits: [{ file: tables, from: '!job || job.runtime.rev !== view.runtime.rev', to: '!job' }],
  },
  {
    name: 'the beginning of the time of a claim that was decided beforehand',
    edits: [{ file: tables, from: 'readyFrom <= now && now < readyUntil', to: 'now < readyUntil' }],
  },
  {
    name: 'arming where nothing is due (duplicates)',
    edits: [
      {
        file: 'src/run/fire.ts',
        from: '    await arm(jobId, order, Math.min(',
        to: "    if (claimed.state === 'claimed' && claimed.runIds.length > 0) await arm(jobId, order, Math.min(",
      },
    ],
  },
  {
    name: 'arming where a fire has used the arm up',
    edits: [
      {
        file: 'src/run/fire.ts',
        from: 'armSpent: (look: Look) => isSpent(look, fireAt)',
        to: 'armSpent: (look: Look) => isSpent(look, fireAt) && false',
      },
    ],
  },
  {
    name: 'the arm lease',
    edits: [
      {
        file: tables,
        from: "if (armLeaseUntil !== null && armLeaseUntil > now) return { state: 'busy' }",
        to: '',
      },
      { file: tables, from: 'registry.armLeaseUntil === null || registry.armLeaseUntil <= now', to: 'true' },
    ],
  },
  {
    name: 'the generation of an arm',
    edits: [{ file: tables, from: 'Math.max(registry.armedGen, result.gen)', to: 'registry.wakeGen' }],
  },
  {
    name: 'the watchdog',
    edits: [
      {
        file: 'src/decisions/draft.ts',
        from: 'if (run.leaseUntil) terms.push(',
        to: 'if (run.leaseUntil && false) terms.push(',
      },
      {
        file: tables,
        from: 'if (starts.length > 0) terms.push(',
        to: 'if (starts.length < 0) terms.push(',
      },
    ],
  },
  {
    name: 'the lease check before an effect',
    edits: [
      { file: 'src/run/runner.ts', from: "if (delays.now() >= run.leaseEndsAt) return 'lost'", to: '' },
    ],
  },
  {
    name: 'a fresh instant for each arm',
    edits: [
      { file: 'src/arming/fire-at.ts', from: 'used.has(Math.floor(ms / 1000))', to: 'used.has(ms) && false' },
    ],
  },
  {
    name: 'leaving an arm order that came too late',
    edits: [
      {
        file: 'src/arming/arm-lease.ts',
        from: 'export const orderGoodForMs = 4_000',
        to: 'export const orderGoodForMs = 4_000_000',
      },
    ],
  },
  {
    name: 'waiting for the answer of a claim before it is adopted',
    edits: [{ file: 'src/run/admission.ts', from: 'awaited.has(keyOf(run)) || ', to: '' }],
  },
  {
    name: 'the end of a lapsed lease',
    edits: [{ file: 'src/decisions/attend.ts', from: '  endLapsed(draft)\n', to: '' }],
  },
  {
    name: 'the deliveries of a settle',
    edits: [{ file: 'src/decisions/settle.ts', from: '  addDeliveries(draft, run, outcome)\n', to: '' }],
  },
  {
    name: 'one message for each incident',
    edits: [
      {
        file: 'src/decisions/deliver.ts',
        from: "(kind !== 'message' || isFirstFailure)",
        to: 'kind.length > 0',
      },
    ],
  },
  {
    name: 'the lease of a delivery in the wake time',
    edits: [
      {
        file: 'src/decisions/draft.ts',
        from: '    if (leaseUntil) terms.push(',
        to: '    if (leaseUntil && false) terms.push(',
      },
      { file: tables, from: 'if (sends.length > 0) terms.push(', to: 'if (sends.length < 0) terms.push(' },
    ],
  },
  {
    name: 'the next try of a delivery in the wake time',
    edits: [
      {
        file: 'src/decisions/draft.ts',
        from: 'if (dueAt) terms.push(dueAt)',
        to: 'if (dueAt && false) terms.push(dueAt)',
      },
    ],
  },
  {
    name: 'taking up deliveries again',
    edits: [{ file: 'src/decisions/attend.ts', from: '  takeDeliveries(draft)\n', to: '' }],
  },
  {
    name: 'the deadline of a report in the wake time',
    edits: [
      {
        file: 'src/decisions/draft.ts',
        from: 'if (run.callbackUntil) terms.push(run.callbackUntil)',
        to: '',
      },
    ],
  },
  {
    name: 'the sweep after a fire',
    edits: [
      {
        file: 'src/core.ts',
        from: '    schedulers.sweepSoon()\n',
        to: '',
      },
    ],
  },
  {
    name: 'the one id of a chained run',
    edits: [
      {
        file: 'src/delivery/chain.ts',
        from: 'startAfter(jobId, { runId: deliveryId,',
        to: 'startAfter(jobId, { runId: crypto.randomUUID(),',
      },
    ],
  },
  {
    name: 'the pause in a claim that was decided beforehand',
    edits: [{ file: tables, from: ' || projects.stateOf(job, now) !== null', to: '' }],
  },
  {
    name: 'the pause in the look',
    edits: [{ file: tables, from: 'project: projects.stateOf(job, now),', to: 'project: null,' }],
  },
  {
    name: 'the revision that a pause moves',
    edits: [
      { file: projects, from: '    for (const { authored } of jobsOf(name)) touch(authored.id)\n', to: '' },
    ],
  },
  {
    name: 'the pause for slots that are due',
    edits: [
      {
        file: 'src/decisions/attend.ts',
        from: '!isProjectPaused(view) && runsLeft(view)',
        to: 'runsLeft(view)',
      },
    ],
  },
  {
    name: 'the pause for retries',
    edits: [
      {
        file: 'src/decisions/attend.ts',
        from: "draft.runtime.state !== 'paused' && !isProjectPaused(view)",
        to: "draft.runtime.state !== 'paused'",
      },
    ],
  },
  {
    name: 'the pause for a start by hand or by another job',
    edits: [{ file: 'src/decisions/change.ts', from: '  checkProject(view)\n', to: '' }],
  },
  {
    name: 'the verdict of the slots of a pause',
    edits: [{ file: 'src/decisions/attend.ts', from: '    foldProjectPause(draft)\n', to: '' }],
  },
  {
    name: 'the revision that the end of a pause moves',
    edits: [
      {
        file: projects,
        from: '        touch(job.authored.id)\n        if (isDueAfterPause(job)) wakeNow(job, now)\n',
        to: '        if (!isDueAfterPause(job)) continue\n        touch(job.authored.id)\n        wakeNow(job, now)\n',
      },
    ],
  },
  {
    name: 'the wake-up at the end of a pause',
    edits: [{ file: projects, from: 'if (isDueAfterPause(job)) wakeNow(job, now)', to: 'wakeNow' }],
  },
  {
    name: 'the arm that a resume promises',
    edits: [{ file: 'src/access/projects.ts', from: "      if (state === 'owed') armed = false\n", to: '' }],
  },
  {
    name: 'the arms that an earlier resume still owes',
    edits: [{ file: projects, from: ' || armedGen < wakeGen', to: '' }],
  },
  {
    name: 'the count of the runs of a minute',
    edits: [
      {
        file: 'src/run/admission.ts',
        from: '    if (wanted && !minute) return null\n',
        to: '',
      },
    ],
  },
]
