import { Field } from '../parts/field.tsx'
import type { Draft } from './draft.ts'

export type FormProps = {
  draft: Draft
  set: (fields: Partial<Draft>) => void
  /** What is wrong with a field of the job, by its path in the API or its name in the form. */
  wrong: (field: string) => string | null
}

/** The fields of the action, as its kind has them. */
export function ActionFields(props: FormProps) {
  const Fields = { http: HttpFields, prompt: PromptFields, handler: HandlerFields, command: CommandFields }
  const Chosen = Fields[props.draft.kind]
  return <Chosen {...props} />
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']
const filledIn = (
  <>
    <code>{'{{slot}}'}</code>, <code>{'{{input}}'}</code>, <code>{'{{secrets.NAME}}'}</code> are filled in
  </>
)

function HttpFields({ draft, set, wrong }: FormProps) {
  return (
    <>
      <div class="method-url">
        <Field label="Method" value={draft.method} onInput={(method) => set({ method })} options={methods} />
        <Field
          label="URL"
          value={draft.url}
          onInput={(url) => set({ url })}
          hint={filledIn}
          error={wrong('action.url') ?? wrong('action')}
          mono
        />
      </div>
      <Field
        label="Headers"
        value={draft.headers}
        onInput={(headers) => set({ headers })}
        rows={2}
        mono
        placeholder={'{"authorization": "Bearer {{secrets.TOKEN}}"}'}
        hint="as JSON; a token belongs into a secret"
        error={wrong('headers') ?? wrong('action.headers')}
      />
      <Field
        label="Body"
        value={draft.body}
        onInput={(body) => set({ body })}
        rows={4}
        mono
        hint="JSON, or a text; empty: the input of the run, if it has one"
        error={wrong('action.body')}
      />
    </>
  )
}

function PromptFields({ draft, set, wrong }: FormProps) {
  return (
    <>
      <Field
        label="Prompt"
        value={draft.prompt}
        onInput={(prompt) => set({ prompt })}
        rows={5}
        hint={
          <>
            <code>{'{{last.output}}'}</code> is the answer of the last run
          </>
        }
        error={wrong('prompt')}
      />
      <div class="form-grid">
        <Field
          label="Model"
          value={draft.model}
          onInput={(model) => set({ model })}
          hint="empty: that of the service"
          error={wrong('action.model') ?? wrong('action')}
        />
        <Field
          label="System text"
          value={draft.system}
          onInput={(system) => set({ system })}
          error={wrong('action.system')}
        />
      </div>
    </>
  )
}

function HandlerFields({ draft, set, wrong }: FormProps) {
  return (
    <>
      <Field
        label="Handler"
        value={draft.handler}
        onInput={(handler) => set({ handler })}
        hint="the name of a file in handlers/"
        error={wrong('action.handler') ?? wrong('action')}
        mono
      />
      <Field
        label="Input"
        value={draft.input}
        onInput={(input) => set({ input })}
        rows={5}
        mono
        hint="as JSON; the input of a run overrides it field by field"
        error={wrong('input') ?? wrong('action.input')}
      />
    </>
  )
}

function CommandFields({ draft, set, wrong }: FormProps) {
  return (
    <>
      <Field
        label="Program"
        value={draft.command}
        onInput={(command) => set({ command })}
        hint="a path, or a name that is found in PATH; for a shell line: sh"
        error={wrong('action.command') ?? wrong('action.type') ?? wrong('action')}
        mono
      />
      <Field
        label="Arguments"
        value={draft.args}
        onInput={(args) => set({ args })}
        rows={4}
        mono
        hint="one on each line, as it is"
        error={wrong('action.args')}
      />
      <Field
        label="Standard input"
        value={draft.stdin}
        onInput={(stdin) => set({ stdin })}
        rows={2}
        mono
        hint="empty: the input of the run, if it has one"
        error={wrong('action.stdin')}
      />
    </>
  )
}
