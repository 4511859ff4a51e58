// Runs in the build of the image: starts the server once, fires at it, and ends it in order, so that Node writes what
// it has compiled into the cache. There is no Postgres and no NAS here but a key set: the fire is verified,
// finds no database, and is answered 503. Whatever else happens fails the build.
//   node bake.mjs /app/cache /app/boot.js [more.js …]     (the others are started and may end as they like)
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createTcpServer } from 'node:net'

const [cache, server, ...others] = process.argv.slice(2)
const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')

const { publicKey, privateKey } = await crypto.subtle.generateKey(
  { name: 'ECDSA', namedCurve: 'P-256' },
  true,
  ['sign', 'verify'],
)
const jwk = { ...(await crypto.subtle.exportKey('jwk', publicKey)), kid: 'bake', alg: 'ES256', use: 'sig' }
const portal = createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: [jwk] }))
}).listen(0, '127.0.0.1')
await once(portal, 'listening')
const portalUrl = `http://127.0.0.1:${portal.address().port}`

const port = await freePort()
const closedPort = await freePort()
// with the flags that this program was started with: they are part of what the cache is valid for
const child = spawn(process.execPath, [...process.execArgv, server, '--bake'], {
  stdio: 'inherit',
  env: {
    ...process.env,
    NODE_COMPILE_CACHE: cache,
    HOST: '127.0.0.1',
    PORT: String(port),
    LOG_LEVEL: 'fatal',
    DATABASE_URL: `postgres://nobody:nothing@127.0.0.1:${closedPort}/none`,
    CRON_PROVIDER: 'chronos',
    NAS_PORTAL_URL: portalUrl,
    NAS_AUDIENCE: 'agent:bake',
    NAS_ACCESS_TOKEN: 'none',
    CALLBACK_URL: `http://127.0.0.1:${port}`,
    API_KEY: 'only-for-the-build',
    DRAIN_TIMEOUT_MS: '1000',
  },
})
const ended = once(child, 'exit')
try {
  await untilUp()
  expect(await fire(await token()), 503, 'a fire without a database')
  expect(await fire('none'), 401, 'a fire without a token')
} finally {
  child.kill('SIGTERM')
  portal.close()
}
const [code] = await ended
expect(code, 0, 'the exit status of the server')
for (const other of others)
  await once(
    spawn(process.execPath, [other], { stdio: 'ignore', env: { ...process.env, NODE_COMPILE_CACHE: cache } }),
    'exit',
  )

async function token() {
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    iss: portalUrl,
    aud: 'agent:bake',
    iat: now,
    nbf: now,
    exp: now + 60,
    purpose: 'cron_fire',
  }
  const text = `${encode({ alg: 'ES256', kid: 'bake', typ: 'JWT' })}.${encode(claims)}`
  const signature = await crypto.subtle.sign(
    { name: 'ECDSA', hash: 'SHA-256' },
    privateKey,
    Buffer.from(text),
  )
  return `${text}.${Buffer.from(signature).toString('base64url')}`
}

async function fire(bearer) {
  const answer = await fetch(`http://127.0.0.1:${port}/api/cron/fire`, {
    method: 'POST',
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
    body: JSON.stringify({ job_id: 'ab12cd34ef56', fire_at: new Date().toISOString() }),
  })
  await answer.text()
  return answer.status
}

async function untilUp() {
  for (let tries = 0; tries < 200; tries++) {
    if (
      await fetch(`http://127.0.0.1:${port}/healthz`).then(
        (answer) => answer.ok,
        () => false,
      )
    )
      return
    await Promise.race([new Promise((resolve) => setTimeout(resolve, 50)), ended])
  }
  throw new Error('the server did not come up within 10 s')
}

async function freePort() {
  const probe = createTcpServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port: found } = probe.address()
  probe.close()
  return found
}

function expect(found, wanted, what) {
  if (found !== wanted) throw new Error(`${what}: ${found}, expected ${wanted}`)
}
