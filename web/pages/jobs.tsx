import { PageHead } from '../parts/panel.tsx'

export function JobsPage() {
  return <PageHead title="Jobs" />
}
