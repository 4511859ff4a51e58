import { PageHead } from '../parts/panel.tsx'

export function SecretsPage() {
  return <PageHead title="Secrets" />
}
