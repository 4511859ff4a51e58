import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'

type FieldProps = {
  label: string
  value: string
  onInput: (value: string) => void
  /** Under the field: what it is for. */
  hint?: ComponentChildren
  /** What is wrong with the value; read out, and shown in place of the hint. */
  error?: string | null
  type?: 'text' | 'password' | 'search' | 'number' | 'url' | 'datetime-local'
  /** A text of several lines, this high. */
  rows?: number
  /** A list to choose from, in place of free text. */
  options?: readonly (string | { value: string; label: string })[]
  placeholder?: string
  required?: boolean
  disabled?: boolean
  mono?: boolean
  autoFocus?: boolean
  autoComplete?: string
  /** The label is for screen readers alone. */
  hideLabel?: boolean
  /** For `/`: the field that a search begins in. */
  isSearch?: boolean
}

/** A label with its field: one line, several, or a choice. */
export function Field(props: FieldProps) {
  const { label, hint, error, hideLabel } = props
  const id = useId()
  const told = error ? `${id}-error` : hint ? `${id}-hint` : undefined
  return (
    <div class={error ? 'field wrong' : 'field'}>
      <label for={id} class={hideLabel ? 'for-readers' : undefined}>
        {label}
      </label>
      <Control {...props} id={id} told={told} />
      {error ? (
        <p class="error" id={`${id}-error`}>
          {error}
        </p>
      ) : (
        hint && (
          <p class="hint" id={`${id}-hint`}>
            {hint}
          </p>
        )
      )}
    </div>
  )
}

function Control(props: FieldProps & { id: string; told: string | undefined }) {
  const { id, told, value, onInput, rows, options, mono, error } = props
  const shared = {
    id,
    value,
    class: mono ? 'mono' : undefined,
    required: props.required,
    disabled: props.disabled,
    'aria-describedby': told,
    'aria-invalid': error ? ('true' as const) : undefined,
  }
  if (options)
    return (
      <select {...shared} onChange={(event) => onInput(event.currentTarget.value)}>
        {options.map((option) => {
          const { value: one, label } = typeof option === 'string' ? { value: option, label: option } : option
          return (
            <option key={one} value={one} selected={one === value}>
              {label}
            </option>
          )
        })}
      </select>
    )
  const writes = {
    ...shared,
    placeholder: props.placeholder,
    spellcheck: false,
    autocomplete: props.autoComplete ?? 'off',
    autofocus: props.autoFocus,
    'data-search': props.isSearch ? '' : undefined,
  }
  if (rows)
    return <textarea {...writes} rows={rows} onInput={(event) => onInput(event.currentTarget.value)} />
  const typed = { type: (props.type ?? 'text') as 'text' }
  return <input {...writes} {...typed} onInput={(event) => onInput(event.currentTarget.value)} />
}

type CheckProps = {
  label: ComponentChildren
  checked: boolean
  onChange: (checked: boolean) => void
  disabled?: boolean
}

/** A box to tick. */
export function Check({ label, checked, onChange, disabled }: CheckProps) {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={checked}
        disabled={disabled}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <span>{label}</span>
    </label>
  )
}
