import { startPgStandIn } from './kit.ts'
import { tryTable } from './table.ts'

tryTable(startPgStandIn)
