import { startQstashStandIn } from './kit.ts'
import { tryTable } from './table.ts'

tryTable(startQstashStandIn)
