import { PageHead } from '../parts/panel.tsx'

export function KeysPage() {
  return <PageHead title="Keys" />
}
