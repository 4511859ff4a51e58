import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { type ApiError, asApiError } from '../api.ts'
import { Button } from '../parts/button.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { ErrorNotice } from '../parts/notice.tsx'
import { wrongIn } from './listed.tsx'

type FormDialogProps = {
  title: string
  /** What the button says. */
  action: string
  /** Sends it; an ApiError that it throws is shown, beside the fields that it names. */
  onSend: () => Promise<unknown>
  onClose: () => void
  /** The fields; `wrong` says what the last answer had against one of them. */
  children: (wrong: (field: string) => string | null) => ComponentChildren
}

/** A form in a window: Enter sends it. */
export function FormDialog({ title, action, onSend, onClose, children }: FormDialogProps) {
  const [error, setError] = useState<ApiError | null>(null)
  const [isBusy, setBusy] = useState(false)
  const send = async (event: Event) => {
    event.preventDefault()
    setBusy(true)
    try {
      await onSend()
      onClose()
    } catch (caught) {
      setError(asApiError(caught))
    } finally {
      setBusy(false)
    }
  }
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={(event) => void send(event)}>
        <div class="dialog-body">
          {children(wrongIn(error))}
          <ErrorNotice error={error} />
        </div>
        <footer>
          <Button onPress={onClose}>Cancel</Button>
          <Button kind="main" type="submit" busy={isBusy}>
            {action}
          </Button>
        </footer>
      </form>
    </Dialog>
  )
}
