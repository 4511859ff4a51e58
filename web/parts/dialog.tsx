import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { type ApiError, asApiError } from '../api.ts'
import { Button } from './button.tsx'
import { ErrorNotice } from './notice.tsx'

type DialogProps = {
  title: string
  onClose: () => void
  children: ComponentChildren
  /** Wider, for forms and code. */
  wide?: boolean
}

/** A window over the page; Escape closes it, and the focus goes back to where it was. */
export function Dialog({ title, onClose, children, wide = false }: DialogProps) {
  const id = useId()
  const box = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const before = document.activeElement
    box.current?.showModal()
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus()
    }
  }, [])
  return (
    <dialog ref={box} class={wide ? 'wide' : undefined} aria-labelledby={id} onClose={onClose}>
      <header>
        <h2 id={id}>{title}</h2>
        <Button kind="quiet" label="Close" onPress={() => box.current?.close()}>
          ×
        </Button>
      </header>
      {children}
    </dialog>
  )
}

type ConfirmProps = {
  title: string
  /** What the button says, such as "Delete 12 jobs". */
  action: string
  danger?: boolean
  children?: ComponentChildren
  /** Does it; an ApiError that it throws is shown, and the window stays. */
  onConfirm: () => Promise<unknown>
  onClose: () => void
}

/** Asks before something is done that cannot be taken back, or that is done to many. */
export function Confirm({ title, action, danger = false, children, onConfirm, onClose }: ConfirmProps) {
  const [error, setError] = useState<ApiError | null>(null)
  const confirm = async () => {
    try {
      await onConfirm()
      onClose()
    } catch (caught) {
      setError(asApiError(caught))
    }
  }
  return (
    <Dialog title={title} onClose={onClose}>
      <div class="dialog-body">
        {children}
        <ErrorNotice error={error} />
      </div>
      <footer>
        <Button onPress={onClose}>Cancel</Button>
        <Button kind={danger ? 'danger' : 'main'} onPress={confirm}>
          {action}
        </Button>
      </footer>
    </Dialog>
  )
}
