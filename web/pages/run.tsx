import { PageHead } from '../parts/panel.tsx'

export function RunPage() {
  return <PageHead title="Run" />
}
