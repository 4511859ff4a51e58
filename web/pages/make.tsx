import { PageHead } from '../parts/panel.tsx'

export function MakePage() {
  return <PageHead title="Make" />
}
