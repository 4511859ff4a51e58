import { CodeView } from '../parts/code-view.tsx'
import { Dialog } from '../parts/dialog.tsx'

type ShownOnceProps = { title: string; secret: string; says: string; onClose: () => void }

/** Something secret that was made by the service: here, and never again. */
export function ShownOnce({ title, secret, says, onClose }: ShownOnceProps) {
  return (
    <Dialog title={title} onClose={onClose}>
      <div class="dialog-body">
        <p>{says}</p>
        <CodeView label="shown this once" value={secret} />
      </div>
    </Dialog>
  )
}
