import { startNasStandIn } from './kit.ts'
import { tryTable } from './table.ts'

tryTable(startNasStandIn)
