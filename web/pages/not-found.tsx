import { Empty } from '../parts/empty.tsx'
import { Link } from '../parts/link.tsx'

export function NotFoundPage() {
  return (
    <Empty title="There is no page at this address">
      <Link href="/">Go to what happens now</Link>, or press <kbd>/</kbd> to look for a job.
    </Empty>
  )
}
