import type { ComponentType } from 'preact'
import type { PageProps } from '../page-props.ts'
import { AuditPage } from './audit.tsx'
import { ChannelsPage } from './channels.tsx'
import { CostPage } from './cost.tsx'
import { JobPage } from './job.tsx'
import { JobsPage } from './jobs.tsx'
import { KeysPage } from './keys.tsx'
import { MakePage } from './make.tsx'
import { NowPage } from './now.tsx'
import { ProjectsPage } from './projects.tsx'
import { RunPage } from './run.tsx'
import { SecretsPage } from './secrets.tsx'

/** Each address of the page, and what shows it. */
export const pages: readonly { pattern: string; Page: ComponentType<PageProps> }[] = [
  { pattern: '/', Page: NowPage },
  { pattern: '/jobs', Page: JobsPage },
  { pattern: '/jobs/{id}', Page: JobPage },
  { pattern: '/runs/{id}', Page: RunPage },
  { pattern: '/make', Page: MakePage },
  { pattern: '/channels', Page: ChannelsPage },
  { pattern: '/secrets', Page: SecretsPage },
  { pattern: '/keys', Page: KeysPage },
  { pattern: '/audit', Page: AuditPage },
  { pattern: '/cost', Page: CostPage },
  { pattern: '/projects', Page: ProjectsPage },
]
