import { tools } from './mcp-tools.ts'
import { tagged } from './openapi/index.ts'

/** /llms.txt (llmstxt.org): what an agent needs to know, and where it finds the rest. */
export function llmsBytes() {
  const lines = tools.map(({ name, scope, description }) => `- ${name} (${scope}): ${description}`)
  return tagged(`# Chronos

> Runs jobs (HTTP calls, prompts, programs) on schedules, on machines that are off in between.

Send an API key as \`Authorization: Bearer …\` with every call. Errors are JSON with a stable \`code\` and a \`detail\` that says what to do.

- [MCP server](/mcp): streamable HTTP, without sessions; the key decides which tools are listed
- [API](/openapi.json): OpenAPI 3.1
- [Schema of a file of jobs](/chronos.schema.json): for POST /api/plan and POST /api/apply

## How to make a job

1. \`POST /api/schedules/preview\` with a \`schedule\` (\`every 30m\`, \`every weekday at 9am\`, \`0 9 * * 1-5\`, \`in 2h\`): read the instants.
2. \`POST /api/jobs?validate_only=true\` with \`name\`, \`schedule\` and \`action\`: read the warnings.
3. \`POST /api/jobs\` with the same body and an \`Idempotency-Key\`. 424 NOT_ARMED: it is saved; do not repeat it.
4. \`POST /api/jobs/{id}/run\` tries it now; \`GET /api/jobs/{id}/why\` says what has become of it.

Credentials belong into secrets (\`PUT /api/secrets/NAME\`), named as \`{{secrets.NAME}}\`, never into a job.

## Tools of the MCP server

${lines.join('\n')}
`)
}
