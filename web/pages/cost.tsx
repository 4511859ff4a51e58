import { PageHead } from '../parts/panel.tsx'

export function CostPage() {
  return <PageHead title="Cost" />
}
