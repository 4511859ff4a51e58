import { createDatabase } from '../../db/client.ts'
import { createLoginStore } from '../../db/logins.ts'
import { createLogin } from '../../src/timers/nas/index.ts'
import { createSeal } from '../../src/vault/seal/index.ts'

// One process of ours: connects, says that it is ready, and at `go` asks for an access token and sends it back.
const [url = '', key = '', tokenUrl = '', clientId = '', firstRefreshToken = ''] = process.argv.slice(2)
const db = createDatabase({ url, max: 2 })
const store = createLoginStore({ db, clientId: clientId })
const log = { warn: () => undefined, error: () => undefined }
const seal = createSeal(Buffer.from(key, 'base64'))
const login = createLogin({
  tokenUrl,
  clientId,
  firstRefreshToken,
  store,
  seal,
  userAgent: 'chronos/test',
  log,
})

await db.run((sql) => sql`select 1`)
process.once('message', () => {
  void login.get().then((answer) => process.send?.(answer, () => process.exit(0)))
})
process.send?.('ready')
