import { PageHead } from '../parts/panel.tsx'

export function ChannelsPage() {
  return <PageHead title="Channels" />
}
