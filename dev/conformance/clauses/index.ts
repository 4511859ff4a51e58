import type { Group } from '../kit/clause.ts'
import { arms } from './arms.ts'
import { clients } from './clients.ts'
import { fire } from './fire.ts'
import { fireToken } from './fire-token.ts'
import { jobs } from './jobs.ts'
import { login } from './login.ts'
import { runs } from './runs.ts'
import { service } from './service.ts'

export const groups: Group[] = [arms, login, fireToken, fire, jobs, runs, clients, service]
