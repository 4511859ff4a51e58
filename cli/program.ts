import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { completionOf, type Shell, shells } from './completion.ts'
import { type Context, contextOf, type GlobalOptions } from './context.ts'
import { costsBy, showCosts } from './costs.ts'
import { doctor } from './doctor/index.ts'
import { applyFile, exportFile, planFile } from './files.ts'
import { importJobs, type Kind, kinds } from './import/index.ts'
import { exitCodes, type Io, Stop } from './io.ts'
import { usualFile } from './jobs-file.ts'
import { pauseAll, resumeAll } from './projects.ts'
import { listJobs, pauseJob, removeJob, resumeJob, showJob, showNext } from './jobs.ts'
import { login, logout } from './login.ts'
import { bridge } from './mcp.ts'
import { listRuns, showLogs, startRun } from './runs.ts'
import { openPage, showStatus } from './service.ts'
import * as stored from './stored.ts'
import { explainJob } from './why.ts'

/** Carries out a command line; resolves to its exit code. */
export async function run(args: string[], io: Io, version: string): Promise<number> {
  const program = programOf(io, version)
  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCodes.ok
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
    if (error instanceof Stop) {
      if (error.message !== '') io.err(`${error.message}\n`)
      return error.exitCode
    }
    // of the system, such as a file that cannot be written; all else is a mistake of ours
    if (!(error instanceof Error && 'syscall' in error)) throw error
    io.err(`${error.message}\n`)
    return exitCodes.failed
  }
}

function programOf(io: Io, version: string): Command {
  const program = new Command('chronos')
    .description('Jobs, runs and files of jobs of a Chronos service.')
    .version(version)
    .option('--profile <name>', 'the login to use; else CHRONOS_URL and CHRONOS_API_KEY, or the last login')
    .option('--project <name>', 'the project to see; else CHRONOS_PROJECT, or that of the login; * for all')
    .option('--json', 'for programs: JSON in place of text')
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text) })
    .showSuggestionAfterError()
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .addHelpText('after', exitHelp)
  const context = () => contextOf(io, program.opts<GlobalOptions>())
  const add = (usage: string, description: string, ...examples: string[]) =>
    helped(program.command(usage), description, examples)

  addLogins(add, context)
  addJobs(add, context)
  addRuns(add, context)
  addFiles(add, context)
  addStored(add, context)
  addService(program, add, context)
  return program
}

type Add = (usage: string, description: string, ...examples: string[]) => Command
type Contexts = () => Context

function helped(command: Command, description: string, examples: string[]): Command {
  const shown = examples.map((one) => `  $ chronos ${one}`).join('\n')
  command.description(description)
  return examples.length === 0 ? command : command.addHelpText('after', `\nExamples:\n${shown}\n`)
}

const exitHelp = `
Exit codes: 0 done, 1 refused or not succeeded, 2 the command line, 3 not reached, 4 not allowed, 5 not found,
6 changed meanwhile, 7 something would change (plan --exit-code).`

function addLogins(add: Add, context: Contexts) {
  add(
    'login <url>',
    'keep the key of a service (asked for, or from standard input)',
    'login https://cron.example',
    'login https://cron.example --profile prod --project billing < key.txt',
  )
    .option('--no-keyring', 'keep the key in a file, though the system has a keyring')
    .action((url: string, wish) => login(context(), url, wish))
  add('logout', 'forget the key of the profile', 'logout --profile prod').action(() => logout(context()))
}

function addJobs(add: Add, context: Contexts) {
  add('jobs', 'the jobs', 'jobs', 'jobs --tag owner:shop --json')
    .option('--tag <tag>', 'that have this tag')
    .addOption(new Option('--state <state>', 'in this state').choices([...jobStates, 'all']).default('all'))
    .action((wish) => listJobs(context(), wish))
  add('job <job>', 'one job, by its id, its key or its name', 'job backup').action((name: string) =>
    showJob(context(), name),
  )
  add('why <job>', 'the story of its last slots and of its wake-up', 'why backup').action((name: string) =>
    explainJob(context(), name),
  )
  add(
    'next [job]',
    'when it is due next; or, with --schedule, when a schedule would be',
    'next backup -n 10',
    'next --schedule "0 9 * * 1-5" --timezone Europe/Berlin',
  )
    .option('-n, --count <number>', 'instants', wholeOf(1, 100), 5)
    .option('--schedule <text>', 'a schedule to try')
    .option('--timezone <zone>', 'its zone')
    .action((name: string | undefined, wish) => {
      if (name === undefined && wish.schedule === undefined)
        throw new Stop('Name a job, or a --schedule.', exitCodes.usage)
      return showNext(context(), name, wish)
    })
  add(
    'pause [job]',
    'pause a job, a project or everything',
    'pause backup --reason "moving house" --until 3d',
    'pause --all --reason "the database moves"',
    'pause --all --project billing',
  )
    .option('--reason <text>', 'shown with the job')
    .option('--until <instant>', 'when the job goes on by itself: 2h, 3d, tomorrow or an instant')
    .option('--all', 'everything, or with --project all jobs of that one')
    .action((name: string | undefined, { all, ...wish }: AllWish) =>
      isForAll(name, all) ? pauseAll(context(), wish.reason) : pauseJob(context(), jobOrStop(name), wish),
    )
  add('resume [job]', 'let it go on', 'resume backup', 'resume --all')
    .option('--all', 'what `pause --all` has paused')
    .action((name: string | undefined, { all }: AllWish) =>
      isForAll(name, all) ? resumeAll(context()) : resumeJob(context(), jobOrStop(name)),
    )
  add('remove <job>', 'remove a job with its history', 'remove backup').action((name: string) =>
    removeJob(context(), name),
  )
}

function addRuns(add: Add, context: Contexts) {
  add(
    'runs [job]',
    'the newest runs, of one job or of all',
    'runs --failed --since yesterday',
    'runs backup --since 3d',
  )
    .option('--failed', 'failed, timed out or interrupted')
    .option('--status <states>', 'states, separated by commas')
    .option('--since <time>', '2h, 3d, today, yesterday or an instant')
    .option('--job <job>', 'the same as to name it')
    .option('--tag <tag>', 'of jobs with this tag')
    .option('--limit <number>', 'runs', wholeOf(1, 1_000), 50)
    .action((job: string | undefined, wish) => listRuns(context(), { ...wish, job: job ?? wish.job }))
  add('run <job>', 'run a job now', 'run backup --follow', `run report --input '{"week": 12}'`)
    .option('--input <json>', 'the input of the run')
    .option('--follow', 'show its log, and end as it ends')
    .action((name: string, wish) => startRun(context(), name, wish))
  add(
    'logs <run>',
    'what a run wrote: one by its id, or the newest of a job',
    'logs backup',
    'logs 0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071 --follow',
  )
    .option('--follow', 'until the run has ended')
    .option('--attempt <number>', 'default: the newest', wholeOf(1, 1_000))
    .action((id: string, wish) => showLogs(context(), id, wish))
}

function addFiles(add: Add, context: Contexts) {
  add(
    'plan [file]',
    `what a file of jobs would change (${usualFile})`,
    'plan',
    'plan jobs.yaml --prune --exit-code',
    'plan chronos.ts',
  )
    .option('--prune', 'remove jobs of the owner that the file does not have')
    .option('--exit-code', 'exit with 7 if something would change')
    .action((file: string | undefined, wish) => planFile(context(), file, wish))
  add(
    'apply [file]',
    `make the jobs what the file says (${usualFile}): all of it, or nothing`,
    'apply',
    'apply jobs.yaml --prune --yes',
    'apply --plan 5f2c',
  )
    .option('--prune', 'remove jobs of the owner that the file does not have')
    .option('-y, --yes', 'do not ask')
    .option('--plan <hash>', 'apply this plan, or nothing')
    .action((file: string | undefined, wish) => applyFile(context(), file, wish))
  add('export', 'the jobs that have a key, as a file', 'export --owner shop --output chronos.yaml')
    .option('--owner <name>', 'of this owner')
    .option('-o, --output <file>', 'default: standard output; .json for JSON')
    .action((wish) => exportFile(context(), wish))
  firstIsOneOf(
    kinds,
    add(
      `import <kind> <files...>`,
      `write ${usualFile} from ${kinds.join(', ')}`,
      'import crontab crontab.txt',
      'import crontab /etc/crontab --system',
      'import github .github/workflows/nightly.yml --repo me/shop',
      'import systemd /etc/systemd/system -o timers.yaml',
    ),
  )
    .option('-o, --output <file>', 'to write; - for standard output', usualFile)
    .option('--owner <name>', 'whose jobs these are')
    .option('--timezone <zone>', 'that of the machine, for times that name none')
    .option('--system', 'crontab: with a user before each command')
    .option('--repo <owner/name>', 'github: the repository')
    .option('--url <url>', 'vercel: where the app is')
    .action((kind: Kind, files: string[], wish) => importJobs(context(), kind, files, wish))
}

function addStored(add: Add, context: Contexts) {
  const secrets = add('secrets', 'secrets: list, set, remove', 'secrets set SHOP_TOKEN < token.txt')
  helped(secrets.command('list', { isDefault: true }), 'their names', []).action(() =>
    stored.listSecrets(context()),
  )
  helped(secrets.command('set <name>'), 'store a value (asked for, or from standard input)', [
    'secrets set SHOP_TOKEN < token.txt',
  ]).action((name: string) => stored.setSecret(context(), name))
  helped(secrets.command('remove <name>'), 'remove one that no job names', []).action((name: string) =>
    stored.removeSecret(context(), name),
  )

  const channels = add('channels', 'channels: list, set, test, remove', 'channels set team < team.json')
  helped(channels.command('list', { isDefault: true }), 'the channels', []).action(() =>
    stored.listChannels(context()),
  )
  helped(channels.command('set <name>'), 'store one: JSON from standard input', [
    'channels set team < team.json',
  ]).action((name: string) => stored.setChannel(context(), name))
  helped(channels.command('test <name>'), 'send a test message', []).action((name: string) =>
    stored.testChannel(context(), name),
  )
  helped(channels.command('remove <name>'), 'remove one that no job names', []).action((name: string) =>
    stored.removeChannel(context(), name),
  )

  const keys = add('keys', 'API keys: list, make, revoke', 'keys make ci --scope jobs:write --days 90')
  helped(keys.command('list', { isDefault: true }), 'the keys', []).action(() => stored.listKeys(context()))
  helped(keys.command('make <name>'), 'make a key; its secret is shown once', [
    'keys make dashboard --scope jobs:read',
  ])
    .addOption(new Option('--scope <scope...>', 'what it may do').makeOptionMandatory())
    .option('--days <number>', 'after which it expires', wholeOf(1, 36_500))
    .action((name: string, wish) => stored.makeKey(context(), name, wish))
  helped(keys.command('revoke <key>'), 'revoke a key, by its id or its name', ['keys revoke ci']).action(
    (id: string) => stored.revokeKey(context(), id),
  )
}

function addService(program: Command, add: Add, context: Contexts) {
  add('status', 'the health of the service, and what it owes').action(() => showStatus(context()))
  add('costs', 'what was used, by UTC day or by job', 'costs', 'costs --by job --since 7d')
    .addOption(new Option('--by <what>', 'in rows').choices(costsBy).default('day'))
    .option('--since <time>', 'from the UTC day of 7d, yesterday or an instant; default: 30 days')
    .action((wish) => showCosts(context(), wish))
  add(
    'doctor [url]',
    'check a deployment from outside: the one of the login, or with CHRONOS_API_KEY another',
    'doctor --profile prod',
    'doctor --try',
    'doctor https://cron.example --try --always-on',
  )
    .option('--try', 'make a job, see it fired, run and armed again, and the machine asleep; remove it')
    .option('--always-on', 'with --try: the service is meant to be its own timer, and to stay up')
    .option('--target <url>', 'with --try: what the job calls; it has to answer 2xx', 'https://example.com/')
    .option('--due-in <seconds>', 'with --try: when the job is due', wholeOf(1, 9_999), 10)
    .option('--patience <seconds>', 'with --try: how long to wait for a late fire', wholeOf(1, 9_999), 30)
    .option(
      '--sleep-within <seconds>',
      'with --try: the longest wait for the machine to go down',
      wholeOf(1, 9_999),
      60,
    )
    .action((url: string | undefined, wish) => doctor(context(), url, wish))
  add('open', 'open the service in a browser').action(() => openPage(context()))
  add(
    'mcp',
    'the MCP server of the service over standard input and output, for agents on this machine',
  ).action(() => bridge(context()))
  firstIsOneOf(
    shells,
    add(
      'completion <shell>',
      'completion for bash, zsh or fish',
      'completion bash > /etc/bash_completion.d/chronos',
    ),
  ).action((shell: string) => {
    context().io.out(completionOf(program, shell as Shell))
  })
}

const jobStates = ['scheduled', 'paused', 'completed', 'error']

type AllWish = { all?: true; reason?: string; until?: string }

/** @throws Stop: both, of which one is a mistake */
function isForAll(name: string | undefined, all: true | undefined): boolean {
  if (all && name !== undefined) throw new Stop('Name a job, or say --all, not both.', exitCodes.usage)
  return all === true
}

/** @throws Stop */
function jobOrStop(name: string | undefined): string {
  if (name !== undefined) return name
  throw new Stop('Name a job, or say --all.', exitCodes.usage)
}

/** What its first argument may be is checked, and completed. */
function firstIsOneOf(choices: readonly string[], command: Command): Command {
  command.registeredArguments[0]?.choices(choices)
  return command
}

/** Reads an option that is a whole number. */
function wholeOf(least: number, most: number) {
  return (text: string): number => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
    if (number >= least && number <= most) return number
    throw new InvalidArgumentError(`It has to be a whole number from ${least} to ${most}.`)
  }
}
