// `npm run inspector`: the command line of the MCP inspector, as people install it, drives `/mcp` of a service here.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startTestCluster } from '../../test/support/cluster.ts'
import { apiKey, startService } from '../../test/support/service.ts'

// Not among our dependencies: it brings a page with React and Vite, 110 MB, for a program that we start and never import.
const inspector = '@modelcontextprotocol/inspector@2.12.0'
/** Versions of what it depends on are those of this day. */
const before = '2026-11-28'

const run = promisify(execFile)
const folder = await mkdtemp(join(tmpdir(), 'chronos-inspector-'))
const cluster = await startTestCluster()
process.env['CHRONOS_TEST_PG'] = cluster.url
const service = await startService()
try {
  const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--no-save', '--before', before]
  await run('npm', ['install', ...flags, '--prefix', folder, inspector])
  const ask = async (...args: string[]): Promise<Answer> => {
    const program = join(folder, 'node_modules/.bin/mcp-inspector')
    const header = `Authorization: Bearer ${apiKey}`
    const target = ['--cli', `${service.url}/mcp`, '--transport', 'http', '--header', header]
    const env = { ...process.env, HOME: folder, MCP_CATALOG_PATH: join(folder, 'catalog.json') }
    const { stdout } = await run(program, [...target, ...args], { env, timeout: 60_000 })
    return JSON.parse(stdout) as Answer
  }
  const call = async (tool: string, ...args: string[]) => {
    const pairs = args.flatMap((pair) => ['--tool-arg', pair])
    const { content } = await ask('--method', 'tools/call', '--tool-name', tool, ...pairs)
    return content?.[0]?.text ?? ''
  }

  const { tools = [] } = await ask('--method', 'tools/list')
  assert.ok(tools.some(({ name }) => name === 'explain_job'))
  const preview = await call('preview_schedule', 'schedule=first monday of the month at 9am', 'timezone=UTC')
  assert.match(preview, /on the first Monday/)
  const action = JSON.stringify({ type: 'http', url: `${service.target.url}/hook` })
  await call('create_job', 'name=inspected', 'key=inspected', 'schedule=every 1h', `action=${action}`)
  assert.match(await call('run_job', 'job=inspected', 'wait_s=30'), /"state":"succeeded"/)
  assert.match(await call('explain_job', 'job=inspected'), /Started by hand/)
  const listed = await ask('--method', 'resources/list')
  const uri = listed.resources?.find(({ name }) => name === 'inspected')?.uri
  assert.ok(uri, JSON.stringify(listed))
  assert.ok((await ask('--method', 'resources/read', '--uri', uri)).contents)
  process.stdout.write(`${inspector} lists ${tools.length} tools, makes a job, runs it and reads it\n`)
} finally {
  await service.close()
  await cluster.stop()
  await rm(folder, { recursive: true, force: true })
}
process.exit(0)

type Answer = {
  tools?: { name: string }[]
  content?: { text: string }[]
  resources?: { name: string; uri: string }[]
  contents?: unknown[]
}
