import type { TestContext } from 'node:test'
import { type ModelBehaviour, startModel } from '../../dev/model/index.ts'
import type { ActionJob, ActionRun } from '../../src/actions/index.ts'
import type { ActionContext, LastOutput } from '../../src/actions/shared/context.ts'
import type { PromptDefaults } from '../../src/actions/type.ts'
import { runPrompt } from '../../src/actions/prompt/run.ts'
import { createOutbound } from '../../src/outbound/index.ts'
import { createRedactor } from '../../src/redact/index.ts'
import { someRun } from './setup.ts'

type Changes = {
  job?: Partial<ActionJob>
  run?: Partial<ActionRun>
  defaults?: Partial<PromptDefaults>
  secrets?: Record<string, string>
  /** By job id; that of the job itself by 'self'. */
  outputs?: Record<string, LastOutput>
  signal?: AbortSignal
  /** Default true. */
  isHeld?: boolean
  /** Called with each piece that is logged. */
  onLog?: (piece: string) => void
}

/** A local model, and `ask`: one attempt of a prompt action, and what it logged. */
export async function setup(t: TestContext, behaviour?: ModelBehaviour) {
  const model = await startModel()
  t.after(() => model.close())
  if (behaviour) model.behave(behaviour)

  async function ask(fields: object = {}, changes: Changes = {}) {
    const pieces: string[] = []
    const job: ActionJob = {
      id: 'ab12cd34ef56',
      project: 'default',
      name: 'a job',
      timeoutMs: null,
      prompt: 'Sum up the day',
      skills: [],
      action: { type: 'prompt', model: 'small', timeout_ms: 20_000, ...fields },
      ...changes.job,
    }
    const context = contextOf(changes, (piece) => pieces.push(piece))
    const defaults = { baseUrl: model.url, apiKey: null, model: null, ...changes.defaults }
    const signal = changes.signal ?? new AbortController().signal
    const outcome = await runPrompt(job, { ...someRun, ...changes.run }, signal, context, defaults)
    return { ...outcome, logged: pieces.join(''), pieces }
  }

  /** What the model was sent, the newest call. */
  const asked = () => model.calls.at(-1)?.body as Asked
  return { model, ask, asked }
}

export type Asked = { messages: { role: string; content: string }[]; [field: string]: unknown }

function contextOf(
  { secrets = {}, outputs = {}, isHeld = true, onLog }: Changes,
  keep: (piece: string) => void,
): ActionContext {
  return {
    userAgent: 'chronos/test',
    traceparent: null,
    line: createOutbound({ allow: ['127.0.0.0/8'], own: [] }).line,
    hide: (text, wish) => createRedactor(Object.values(secrets)).text(text, wish),
    hiding: () => createRedactor(Object.values(secrets)).stream(),
    secret: async (name) => secrets[name] ?? assertNever(name),
    lastOutput: async (jobId) => outputs[jobId ?? 'self'] ?? null,
    log(chunk) {
      keep(String(chunk))
      onLog?.(String(chunk))
    },
    callbackUrl: assertNever,
    isHeld: () => isHeld,
  }
}

function assertNever(given: unknown): never {
  throw new Error(`${String(given)} was asked for; the test has none`)
}
