import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'

export type ButtonProps = {
  children: ComponentChildren
  /** While the promise that it returns is open, the button is busy and cannot be pressed again. */
  onPress?: () => unknown
  kind?: 'usual' | 'main' | 'danger' | 'quiet'
  type?: 'button' | 'submit'
  disabled?: boolean
  busy?: boolean
  /** For a button that has only a sign. */
  label?: string
  pressed?: boolean
  title?: string
}

export function Button(props: ButtonProps) {
  const { children, onPress, kind = 'usual', type = 'button', disabled, label, pressed, title } = props
  const [isBusy, setBusy] = useState(false)
  const busy = isBusy || props.busy === true
  const press = async () => {
    const doing = onPress?.()
    if (!(doing instanceof Promise)) return
    setBusy(true)
    await doing.finally(() => setBusy(false))
  }
  return (
    <button
      type={type}
      class={`button ${kind}`}
      disabled={disabled === true || busy}
      aria-busy={busy}
      aria-label={label}
      aria-pressed={pressed}
      title={title}
      onClick={type === 'button' ? () => void press() : undefined}
    >
      {children}
    </button>
  )
}
