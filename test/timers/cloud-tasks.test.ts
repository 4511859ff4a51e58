import { startCloudTasksStandIn } from './kit.ts'
import { tryTable } from './table.ts'

tryTable(startCloudTasksStandIn)
