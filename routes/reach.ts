import type { OwnedKind } from '../db/index.ts'
import type { Operations } from './schemas/index.ts'

/**
 * How an operation keeps to the project that its caller sees (docs/projects.md).
 *
 * `job`, `run`, `key`: the id in its path has to be of the project. `project`: the name in its path has to be the project.
 * `filtered`: its statement is told the project. `service`: of all projects, so for keys that see all;
 * a key of `default` does as long as there is no other project, but for `projects`, which makes them. `none`: nothing in it
 * belongs to a project.
 */
type Reach = OwnedKind | 'project' | 'filtered' | 'service' | 'projects' | 'none'

/** Every operation is named: one that is added without a decision does not compile. */
export const reaches: Record<keyof Operations, Reach> = {
  'GET /api/jobs': 'filtered',
  'POST /api/jobs': 'filtered',
  'POST /api/tries': 'filtered',
  'GET /api/jobs/{id}': 'job',
  'PATCH /api/jobs/{id}': 'job',
  'DELETE /api/jobs/{id}': 'job',
  'POST /api/jobs/{id}/pause': 'job',
  'POST /api/jobs/{id}/resume': 'job',
  'POST /api/jobs/{id}/run': 'job',
  'GET /api/jobs/{id}/next': 'job',
  'GET /api/jobs/{id}/why': 'job',
  'GET /api/jobs/{id}/arm': 'job',
  'GET /api/jobs/{id}/slots': 'job',
  'GET /api/jobs/{id}/runs': 'job',
  'GET /api/jobs/{id}/days': 'job',
  'GET /api/jobs/{id}/executions': 'job',
  'GET /api/jobs/{id}/output': 'job',
  'GET /api/jobs/by-key/{key}': 'filtered',
  'PUT /api/jobs/by-key/{key}': 'filtered',
  'POST /api/plan': 'filtered',
  'POST /api/apply': 'filtered',
  'GET /api/export': 'filtered',
  'GET /api/jobs/strips': 'filtered',
  'GET /api/timeline': 'filtered',
  'GET /api/failures': 'filtered',
  'GET /api/costs': 'filtered',
  'GET /api/runs': 'filtered',
  'GET /api/runs/{id}': 'run',
  'POST /api/runs/{id}/cancel': 'run',
  'POST /api/runs/{id}/retry': 'run',
  'GET /api/runs/{id}/logs': 'run',
  'GET /api/runs/{id}/request': 'run',
  'GET /api/runs/{id}/deliveries': 'run',
  'POST /api/runs/{id}/deliveries/{delivery}/retry': 'run',
  'GET /api/deliveries': 'filtered',
  'GET /api/channels': 'filtered',
  'GET /api/channels/{name}': 'filtered',
  'PUT /api/channels/{name}': 'filtered',
  'DELETE /api/channels/{name}': 'filtered',
  'POST /api/channels/{name}/test': 'filtered',
  'GET /api/secrets': 'filtered',
  'PUT /api/secrets/{name}': 'filtered',
  'DELETE /api/secrets/{name}': 'filtered',
  'POST /api/secrets/rotate': 'service',
  'POST /api/keys': 'filtered',
  'GET /api/keys': 'filtered',
  'DELETE /api/keys/{id}': 'key',
  'GET /api/audit': 'filtered',
  'GET /api/projects': 'filtered',
  'PUT /api/projects/{name}': 'projects',
  'DELETE /api/projects/{name}': 'projects',
  'POST /api/projects/{name}/pause': 'project',
  'POST /api/projects/{name}/resume': 'project',
  'GET /api/status': 'filtered',
  // its tools are calls of these operations, by the same key
  'POST /mcp': 'filtered',
  'GET /metrics': 'service',
  'POST /api/cron/reconcile': 'service',
  'POST /api/schedules/preview': 'none',
  'GET /v1/models': 'none',
  'GET /v1/capabilities': 'none',
}
