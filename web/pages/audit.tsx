import { PageHead } from '../parts/panel.tsx'

export function AuditPage() {
  return <PageHead title="Audit" />
}
