/** A file of another scheduler: what of its jobs is expected, by key, and what is said about them. */
export type Vector = {
  what: string
  text: string
  options?: string[]
  /** Each job of the file; of its fields those that the case is about. */
  jobs: Record<string, Record<string, unknown>>
  says?: RegExp[]
  never?: RegExp[]
}

const http = (url: string, more: object = {}) => ({ action: { type: 'http', url, ...more } })
const command = (program: string, args: string[] | undefined, more: object = {}) => ({
  action: { type: 'command', command: program, ...(args && { args }), ...more },
})

/** A CronJob `n` in one line each: what stands in its spec, in its job, in its pod, and its container. */
const cronJob = (
  spec: string,
  { job = '', pod = '', container = '{ image: i, command: [run] }', head = '' } = {},
) =>
  `apiVersion: batch/v1
kind: CronJob
metadata: { name: n${head} }
spec: { ${spec}, jobTemplate: { spec: { ${job} template: { spec: { ${pod} containers: [${container}] } } } } }
`
const at = 'schedule: "0 3 * * *"'
const withContainer = (container: string) => cronJob(at, { container })
const script = (text: string) =>
  withContainer(`{ image: i, command: [/bin/sh, -c, ${JSON.stringify(text)}] }`)

export const kubernetes: Vector[] = [
  { what: 'UTC without a zone', text: cronJob(at), jobs: { n: { schedule: '0 3 * * *', timezone: 'UTC' } } },
  {
    what: 'timeZone',
    text: cronJob(`${at}, timeZone: Asia/Tokyo`),
    jobs: { n: { timezone: 'Asia/Tokyo' } },
  },
  { what: 'a nickname', text: cronJob('schedule: "@hourly"'), jobs: { n: { schedule: '@hourly' } } },
  { what: 'blanks', text: cronJob('schedule: " 0  3 * * * "'), jobs: { n: { schedule: '0 3 * * *' } } },
  {
    what: 'a zone in the schedule',
    text: cronJob('schedule: TZ=Europe/Rome 0 3 * * *'),
    jobs: { n: { schedule: 'TZ=Europe/Rome 0 3 * * *' } },
    never: [/timezone:/],
  },
  { what: 'no policy', text: cronJob(at), jobs: { n: { overlap: 'allow', retry: { attempts: 7 } } } },
  { what: 'Forbid', text: cronJob(`${at}, concurrencyPolicy: Forbid`), jobs: { n: { overlap: 'skip' } } },
  {
    what: 'Replace',
    text: cronJob(`${at}, concurrencyPolicy: Replace`),
    jobs: { n: { overlap: 'cancel_running' } },
  },
  {
    what: 'startingDeadlineSeconds',
    text: cronJob(`${at}, startingDeadlineSeconds: 200`),
    jobs: { n: { deadline_ms: 200_000 } },
  },
  {
    what: 'a starting deadline beyond the longest',
    text: cronJob(`${at}, startingDeadlineSeconds: 31536000`),
    jobs: { n: { deadline_ms: 2_678_400_000 } },
  },
  { what: 'suspend', text: cronJob(`${at}, suspend: true`), jobs: { n: { paused: true } } },
  { what: 'not suspended', text: cronJob(`${at}, suspend: false`), jobs: { n: {} }, never: [/paused/] },
  {
    what: 'activeDeadlineSeconds of the job',
    text: cronJob(at, { job: 'activeDeadlineSeconds: 600,' }),
    jobs: { n: { timeout_ms: 600_000 } },
  },
  {
    what: 'activeDeadlineSeconds of the pod, the shorter one',
    text: cronJob(at, { job: 'activeDeadlineSeconds: 600,', pod: 'activeDeadlineSeconds: 90,' }),
    jobs: { n: { timeout_ms: 90_000 } },
  },
  {
    what: 'a limit of a week',
    text: cronJob(at, { job: 'activeDeadlineSeconds: 604800,' }),
    jobs: { n: { timeout_ms: 86_400_000 } },
  },
  {
    what: 'backoffLimit 0',
    text: cronJob(at, { job: 'backoffLimit: 0,' }),
    jobs: { n: {} },
    never: [/retry/],
  },
  {
    what: 'backoffLimit 15',
    text: cronJob(at, { job: 'backoffLimit: 15,' }),
    jobs: { n: { retry: { attempts: 16 } } },
  },
  {
    what: 'what only Kubernetes keeps',
    text: cronJob(`${at}, successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 1`, {
      job: 'ttlSecondsAfterFinished: 60,',
      pod: 'restartPolicy: Never,',
    }),
    jobs: { n: command('run', undefined) },
  },
  {
    what: 'an init container and a sidecar',
    text: cronJob(at, {
      pod: 'initContainers: [{ name: migrate }],',
      container: '{ name: a, image: i, command: [run] }, { name: proxy }',
    }),
    jobs: { n: command('run', undefined) },
    says: [/Other containers are left out: migrate, proxy\./],
  },
  {
    what: 'the container that is named as the default',
    text: `kind: CronJob
metadata: { name: n }
spec:
  ${at}
  jobTemplate: { spec: { template: {
    metadata: { annotations: { kubectl.kubernetes.io/default-container: main } },
    spec: { containers: [{ name: proxy, image: p }, { name: main, image: i, command: [work] }] } } } }
`,
    jobs: { n: command('work', undefined) },
    says: [/left out: proxy\./],
  },
  {
    what: 'documents, comments, and other kinds between them',
    text: `# all of them\n---\nkind: Service\nmetadata: { name: s }\n---\n${cronJob(at)}---\n# none\n---\n${cronJob('schedule: "5 * * * *"', { head: 'ow' })}`,
    jobs: { n: {}, now: { schedule: '5 * * * *' } },
  },
  {
    what: 'a list, as kubectl get writes it',
    text: JSON.stringify({
      kind: 'List',
      items: [1, 2].map((n) => ({
        kind: 'CronJob',
        metadata: { name: `n${n}`, namespace: 'shop' },
        spec: {
          schedule: `${n} * * * *`,
          jobTemplate: { spec: { template: { spec: { containers: [{ image: 'i', command: ['run'] }] } } } },
        },
      })),
    }),
    jobs: { n1: { schedule: '1 * * * *' }, n2: { schedule: '2 * * * *' } },
    says: [/CronJob shop\/n1/],
  },
  {
    what: 'the same name in two namespaces',
    text: `${cronJob(at, { head: ', namespace: a' })}---\n${cronJob(at, { head: ', namespace: b' })}`,
    jobs: { n: {}, 'n-2': {} },
  },
  {
    what: 'a template of OpenShift',
    text: `kind: Template\nobjects:\n- ${cronJob('schedule: "${SCHEDULE}"').trimEnd().replaceAll('\n', '\n  ')}\n- ${cronJob(at, { head: 'ow' }).trimEnd().replaceAll('\n', '\n  ')}\n`,
    jobs: { now: {} },
    says: [/NOT CARRIED OVER: CronJob n: Its schedule is filled in by a tool/],
  },
  {
    what: 'placeholders of Helm with and without quotes',
    text: [
      cronJob('schedule: "{{ .Values.schedule }}"'),
      cronJob('schedule: {{ .Values.schedule }}'),
      cronJob(at, { head: '-{{ .Release.Name }}' }).replace(
        '{ name: n-{{ .Release.Name }} }',
        '{ name: "n-{{ .Release.Name }}" }',
      ),
      '{{- if .Values.enabled }}\nkind: CronJob\n',
      withContainer('{ image: i, command: [run, "{{ .Values.target }}"] }'),
    ].join('---\n'),
    jobs: { n: command('run', ['{{"{{"}} .Values.target }}']) },
    says: [/schedule is filled in/, /name is filled in/, /It is no YAML/, /"\{\{" stands in it as a text/],
  },
  {
    what: 'merge keys and aliases',
    text: `x: &spec { concurrencyPolicy: Forbid }\nkind: CronJob\nmetadata: { name: n }\nspec:\n  <<: *spec\n  ${at}\n  jobTemplate: { spec: { template: { spec: { containers: [{ image: i, command: [run] }] } } } }\n`,
    jobs: { n: { overlap: 'skip' } },
  },
  {
    what: 'variables that name others, and a dollar that is meant',
    text: withContainer(
      '{ image: i, command: [run, "$(URL)", "$$(date)"], env: [{ name: HOST, value: db }, { name: URL, value: "pg://$(HOST)/x" }] }',
    ),
    jobs: { n: command('run', ['pg://db/x', '$(date)'], { env: { HOST: 'db', URL: 'pg://db/x' } }) },
  },
  {
    what: 'a secret in a call of curl',
    text: withContainer(
      '{ image: curlimages/curl, args: [-H, "Authorization: Bearer $(TOKEN)", https://a.example/x], env: [{ name: TOKEN, valueFrom: { secretKeyRef: { name: s, key: t } } }] }',
    ),
    jobs: { n: http('https://a.example/x', { headers: { Authorization: 'Bearer {{secrets.TOKEN}}' } }) },
    says: [/Store as secrets: TOKEN/],
    never: [/A credential stands in it/],
  },
  {
    what: 'variables from elsewhere',
    text: withContainer(
      '{ image: i, command: [run], envFrom: [{ secretRef: { name: s } }], env: [{ name: A, valueFrom: { configMapKeyRef: { name: c, key: k } } }] }',
    ),
    jobs: { n: {} },
    says: [/variables are left out: A\./, /`envFrom` are left out/],
  },
  {
    what: 'a call over several lines of a shell',
    text: script('curl -fsS \\\n  -X POST \\\n  http://web.shop.svc/cron'),
    jobs: { n: http('http://web.shop.svc/cron', { method: 'POST' }) },
  },
  {
    what: 'a script of several commands',
    text: script('set -e\ncurl https://a.example/x\ncurl https://a.example/y\n'),
    jobs: { n: command('/bin/sh', ['-c', 'set -e\ncurl https://a.example/x\ncurl https://a.example/y\n']) },
  },
  {
    what: 'braces of another template language',
    text: script("docker ps --format '{{.Names}}'"),
    jobs: { n: command('/bin/sh', ['-c', `docker ps --format '{{"{{"}}.Names}}'`]) },
  },
  {
    what: 'a text in place of a list',
    text: withContainer('{ image: i, command: /bin/run, args: all, workingDir: /app }'),
    jobs: { n: command('/bin/run', ['all'], { cwd: '/app' }) },
  },
  {
    what: 'an image that says what runs',
    text: withContainer('{ image: me/app, args: [sync, --all] }'),
    jobs: {},
    says: [/Its image me\/app says what runs, with the arguments \["sync","--all"\]/],
  },
  {
    what: 'several pods and volumes',
    text: cronJob(at, {
      job: 'parallelism: 4,',
      container: '{ image: i, command: [run], volumeMounts: [{ name: v }] }',
    }),
    jobs: { n: {} },
    says: [/ran 4 times/, /volumes are left out/],
  },
]

const works = 'jobs: { x: { runs-on: ubuntu-latest, steps: [{ run: make }] } }'
const workflow = (on: string, rest = works) =>
  `name: Nightly build\non:\n${on.replaceAll(/^/gm, '  ')}\n${rest}\n`
const nightly = 'schedule:\n- cron: "0 3 * * *"'
const dispatch = 'workflow_dispatch:'
const once = { 'nightly-build': { schedule: '0 3 * * *', timezone: 'UTC' } }

export const github: Vector[] = [
  {
    what: 'a schedule alone',
    text: workflow(nightly),
    jobs: once,
    says: [/Add `workflow_dispatch:`/, /write it into `ref`/],
  },
  {
    what: 'beside other triggers',
    text: workflow(`push: { branches: [main] }\npull_request:\n${nightly}`),
    jobs: once,
    says: [/Add `workflow_dispatch:` to `on` of the workflow, and remove its `schedule`/],
  },
  {
    what: 'one that can be dispatched',
    text: workflow(`${nightly}\n${dispatch}`),
    jobs: once,
    says: [/Remove `schedule` from `on`/],
    never: [/Add `workflow_dispatch/],
  },
  { what: 'the key in quotes', text: workflow(nightly).replace('on:', '"on":'), jobs: once },
  { what: 'single quotes', text: workflow("schedule:\n- cron: '0 3 * * *'"), jobs: once },
  { what: 'no quotes', text: workflow('schedule:\n- cron: 0 3 * * *'), jobs: once },
  {
    what: 'a list that is indented, with comments behind its lines',
    text: workflow('schedule:\n  # every night\n  - cron: "0 3 * * *" # in UTC\n  # - cron: "0 4 * * *"'),
    jobs: once,
  },
  { what: 'in one line', text: workflow('schedule: [{ cron: "0 3 * * *" }]'), jobs: once },
  { what: 'more blanks', text: workflow('schedule:\n- cron: " 0  3 * * * "'), jobs: once },
  {
    what: 'names of days',
    text: workflow('schedule:\n- cron: "30 5 * * MON-FRI"'),
    jobs: { 'nightly-build': { schedule: '30 5 * * MON-FRI' } },
  },
  {
    what: 'steps',
    text: workflow('schedule:\n- cron: "*/15 8-18 * * 1-5"'),
    jobs: { 'nightly-build': { schedule: '*/15 8-18 * * 1-5' } },
  },
  {
    what: 'two schedules',
    text: workflow('schedule:\n- cron: "0 3 * * *"\n- cron: "0 15 * * 0"'),
    jobs: { 'nightly-build': { schedule: ['0 3 * * *', '0 15 * * 0'] } },
  },
  {
    what: 'a zone',
    text: workflow('schedule:\n- cron: "0 3 * * *"\n  timezone: Europe/Oslo'),
    jobs: { 'nightly-build': { timezone: 'Europe/Oslo' } },
  },
  {
    what: 'two zones',
    text: workflow('schedule:\n- { cron: "0 3 * * *", timezone: Asia/Seoul }\n- { cron: "0 4 * * *" }'),
    jobs: { 'nightly-build': { timezone: 'Asia/Seoul' }, 'nightly-build-2': { timezone: 'UTC' } },
  },
  {
    what: 'no name',
    text: workflow(nightly).replace(/name: .*\n/, ''),
    jobs: {
      file: { action: { url: 'https://api.github.com/repos/me/shop/actions/workflows/file.yml/dispatches' } },
    },
  },
  {
    what: 'a name with more than letters',
    text: workflow(nightly).replace('Nightly build', '"🌙 CI: nightly (main)"'),
    jobs: { 'ci-nightly-main': { name: '🌙 CI: nightly (main)' } },
  },
  {
    what: 'a call',
    text: workflow(nightly),
    jobs: {
      'nightly-build': http('https://api.github.com/repos/me/shop/actions/workflows/file.yml/dispatches', {
        headers: { authorization: 'Bearer {{secrets.GITHUB_TOKEN}}', accept: 'application/vnd.github+json' },
        body: { ref: 'main' },
      }),
    },
  },
  {
    what: 'limits and groups, which stay in the workflow',
    text: workflow(
      nightly,
      'concurrency: { group: x, cancel-in-progress: true }\njobs: { x: { timeout-minutes: 30, steps: [{ run: make }] } }',
    ),
    jobs: once,
    never: [/timeout_ms|overlap/],
  },
  {
    what: 'a reusable workflow that is called',
    text: workflow(nightly, 'jobs: { x: { uses: ./.github/workflows/shared.yml, secrets: inherit } }'),
    jobs: once,
  },
  {
    what: 'one that can also be called',
    text: workflow(`workflow_call: { inputs: { a: { type: string, required: true } } }\n${nightly}`),
    jobs: once,
    never: [/It needs inputs/],
  },
  {
    what: 'inputs with defaults',
    text: workflow(
      `${nightly}\n${dispatch} { inputs: { level: { type: choice, required: true, default: a, options: [a] } } }`,
    ),
    jobs: once,
    never: [/It needs inputs/],
  },
  {
    what: 'inputs without',
    text: workflow(
      `${nightly}\n${dispatch} { inputs: { day: { required: true }, who: { required: true }, c: {} } }`,
    ),
    jobs: once,
    says: [/write day, who into `inputs`/],
  },
  {
    what: 'a job for one of its schedules',
    text: workflow(nightly, `jobs: { x: { if: "github.event.schedule == '0 3 * * *'" } }`),
    jobs: once,
    says: [/asks for github\.event\.schedule/],
  },
  {
    what: 'a step for schedules',
    text: workflow(nightly, `jobs: { x: { steps: [{ if: "github.event_name == 'schedule'", run: make }] } }`),
    jobs: once,
    says: [/asks for github\.event_name/],
  },
  {
    what: 'a condition over several lines, the other way round',
    text: workflow(
      nightly,
      "jobs:\n  x:\n    if: >-\n      'schedule' ==\n      github.event_name\n    steps: []",
    ),
    jobs: once,
    says: [/asks for github\.event_name/],
  },
  {
    what: 'a condition for dispatched runs',
    text: workflow(nightly, `jobs: { x: { if: "github.event_name != 'workflow_dispatch'" } }`),
    jobs: once,
    says: [/github\.event_name, which is workflow_dispatch then/],
  },
  {
    what: 'a script that asks for the event',
    text: workflow(
      nightly,
      `jobs:\n  x:\n    steps:\n    - run: |\n        [ "$GITHUB_EVENT_NAME" = schedule ] && make all\n`,
    ),
    jobs: once,
    says: [/asks for github\.event_name/],
  },
  {
    what: 'a condition for pushes',
    text: workflow(`push:\n${nightly}`, `jobs: { x: { if: "github.event_name == 'push'" } }`),
    jobs: once,
    never: [/asks for/],
  },
  {
    what: 'a condition in a comment',
    text: workflow(nightly, `# if: github.event_name == 'schedule'\n${works}`),
    jobs: once,
    never: [/asks for/],
  },
  {
    what: 'aliases',
    text: `name: Nightly build\non: { schedule: [{ cron: &c "0 3 * * *" }] }\nenv: { CRON: *c }\n${works}\n`,
    jobs: once,
  },
  {
    what: 'no repository',
    text: workflow(nightly),
    options: [],
    jobs: {
      'nightly-build': {
        action: {
          url: 'https://api.github.com/repos/OWNER/REPOSITORY/actions/workflows/file.yml/dispatches',
        },
      },
    },
    says: [/Write the repository into the URL/],
  },
  { what: 'a byte order mark', text: `\uFEFF${workflow(nightly)}`, jobs: once },
]

const crons = (...all: object[]) => JSON.stringify({ version: 2, crons: all })
const daily = (path: string) => crons({ path, schedule: '0 5 * * *' })
const calls = (url: string) => ({ action: { method: 'GET', url: `https://shop.example${url}` } })

export const vercel: Vector[] = [
  {
    what: 'a cron',
    text: daily('/api/cron'),
    jobs: {
      cron: {
        ...{ schedule: '0 5 * * *', timezone: 'UTC' },
        ...http('https://shop.example/api/cron', {
          method: 'GET',
          headers: { authorization: 'Bearer {{secrets.CRON_SECRET}}' },
        }),
      },
    },
    says: [/Store CRON_SECRET as a secret/],
    never: [/Write your own address/],
  },
  ...[
    ['/api/cron/daily-digest', 'daily-digest'],
    ['/api/crons/cleanup', 'cleanup'],
    ['/cron/cleanup', 'cleanup'],
    ['/api/jobs/send-emails', 'jobs-send-emails'],
    ['/api/v1/sync/users', 'v1-sync-users'],
    ['/api/cron/revalidate/', 'revalidate'],
    ['api/x', 'x'],
    ['//api/x', 'x'],
    ['/', 'root'],
    ['/api/cron?job=digest', 'cron'],
    ['/api/cron/sync?source=a&limit=10', 'sync'],
    ['/api/cron/sync?day=2026-01-01T00%3A00', 'sync'],
    ['/api/inngest', 'inngest'],
    ['/.well-known/cron', 'well-known-cron'],
    ['/api/cron/Send_Report.php', 'send-report-php'],
    ['/fr/api/cron/größe', 'fr-api-cron-grosse'],
  ].map(
    ([path = '', key = '']): Vector => ({
      what: path,
      text: daily(path),
      jobs: { [key]: calls(`/${path.replace(/^\/+/, '')}`) },
    }),
  ),
  ...['* * * * *', '*/10 * * * *', '0 0 1 * *', '0 9 * * 1-5', '0 12 * * 0', '15,45 */2 * * *'].map(
    (schedule): Vector => ({
      what: schedule,
      text: crons({ path: '/api/x', schedule: ` ${schedule.replace(' ', '  ')} ` }),
      jobs: { x: { schedule } },
    }),
  ),
  {
    what: 'one path at two times',
    text: crons({ path: '/api/x', schedule: '0 1 * * *' }, { path: '/api/x', schedule: '0 2 * * *' }),
    jobs: { x: { schedule: '0 1 * * *' }, 'x-2': { schedule: '0 2 * * *' } },
  },
  {
    what: 'one path with several queries',
    text: crons(
      { path: '/api/cron/sync?source=a', schedule: '0 1 * * *' },
      { path: '/api/cron/sync?source=b', schedule: '0 2 * * *' },
    ),
    jobs: {
      'sync-source-a': calls('/api/cron/sync?source=a'),
      'sync-source-b': calls('/api/cron/sync?source=b'),
    },
  },
  {
    what: 'a credential in the query, which is in no name',
    text: crons(
      { path: '/api/x?secret=hush', schedule: '0 1 * * *' },
      { path: '/api/x?cron_secret=hush', schedule: '0 2 * * *' },
    ),
    jobs: { x: {}, 'x-2': {} },
    says: [/x\?secret=hush[^\n]*\n[^]*A credential stands in the path/],
    never: [/name: .*hush/],
  },
  {
    what: 'braces in a path',
    text: daily('/api/x?tags={{a}}'),
    jobs: { x: calls('/api/x?tags={{"{{"}}a}}') },
  },
  {
    what: 'beside all else that stands in the file',
    text: JSON.stringify({
      $schema: 'https://openapi.vercel.sh/vercel.json',
      functions: { 'app/api/**': { maxDuration: 60 } },
      rewrites: [{ source: '/(.*)', destination: '/' }],
      crons: [{ path: '/api/x', schedule: '0 5 * * *' }],
    }),
    jobs: { x: {} },
  },
  {
    what: 'a cron without a path beside one that has it',
    text: crons({ schedule: '0 1 * * *' }, { path: '/api/x', schedule: '0 5 * * *' }, { path: '/api/y' }),
    jobs: { x: {} },
    says: [/NOT CARRIED OVER: cron \{"schedule":"0 1 \* \* \* ?"?.*A cron needs a path and a schedule/],
  },
  {
    what: 'one cron that stands in no list',
    text: JSON.stringify({ crons: { path: '/api/x', schedule: '0 5 * * *' } }),
    jobs: {},
    says: [/`crons` is no list/],
  },
  {
    what: 'no address',
    text: daily('/api/x'),
    options: [],
    jobs: { x: { action: { url: 'https://YOUR-APP.example/api/x' } } },
    says: [/Write your own address into the URL/],
  },
  {
    what: 'an address that ends with a slash',
    text: daily('/api/x'),
    options: ['--url', 'https://shop.example/'],
    jobs: { x: calls('/api/x') },
  },
  { what: 'a byte order mark', text: `\uFEFF${daily('/api/x')}`, jobs: { x: {} } },
]
