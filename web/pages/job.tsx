import { PageHead } from '../parts/panel.tsx'

export function JobPage() {
  return <PageHead title="Job" />
}
