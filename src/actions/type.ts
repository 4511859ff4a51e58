import type { TObject } from 'typebox'
import type { CommandConfig } from '../ground/config-commands.ts'
import type { Problem } from '../ground/problem.ts'
import type { SchemaKit } from '../ground/schema.ts'
import type { Call } from '../outbound/index.ts'
import type { whenSchema } from './gate/schema.ts'
import type { ActionContext } from './shared/context.ts'
import type { ActionJob, ActionOutcome, ActionRun } from './shared/outcome.ts'
import type { callFields } from './shared/schema.ts'

/** An action, or the gate of one, as it was saved: `type`, and the fields of that type. */
export type ActionFields = { type: string; [field: string]: unknown }

/**
 * The complete declaration of a type of action. One folder each, and one entry in types.ts: everything about all types
 * together (the schema, the error texts, redaction, the table in docs/actions.md) is made from that list.
 */
export type ActionType<Fields extends { type: string } = ActionFields> = {
  type: Fields['type']
  /** Its description in the table of docs/actions.md. */
  docs: string
  /** TypeBox is handed in: no fire waits until it is loaded. */
  schema(kit: ActionKit): TObject
  /** The fields whose values may be secret: no message quotes them. */
  secretsOf: readonly (keyof Fields & string)[]
  /** Its targets, by the fields that hold them: a target that the guard refuses is refused when the job is saved. */
  callsOf(fields: ActionFields): Call[]
  /** Rules beyond its schema, checked when a job is saved; `path` is where the action stands. */
  check(fields: ActionFields, path: string, place: PromptPlace): Problem[]
  /** Names that its templates may use besides those of every action. */
  namesOf?(fields: ActionFields): readonly string[]
  /** Its needs that this service cannot meet. */
  lacks?(fields: ActionFields, path: string, service: { areCommandsOn: boolean }): Problem[]
  /** Loaded with the first run of this type. */
  load(): Promise<RunAction>
}

export type ActionKit = SchemaKit & ReturnType<typeof callFields> & { when: ReturnType<typeof whenSchema> }

export type Attempt = { job: ActionJob; run: ActionRun; signal: AbortSignal; context: ActionContext }

/** One attempt, as `Actions.run` says. */
export type RunAction = (attempt: Attempt, settings: ActionSettings) => Promise<ActionOutcome>

/** The settings of actions in the environment. */
export type ActionSettings = {
  prompt: PromptDefaults
  /** Null: no command is run. */
  commands: CommandConfig | null
}

/** Where prompts are put and which model they are for, if an action does not say it; null: not set. */
export type PromptPlace = { baseUrl: string | null; model: string | null }
export type PromptDefaults = PromptPlace & { apiKey: string | null }
