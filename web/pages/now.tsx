import { PageHead } from '../parts/panel.tsx'

export function NowPage() {
  return <PageHead title="Now" />
}
