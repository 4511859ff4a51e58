import { createApp } from '../src/app.ts'
import { readConfig } from '../src/ground/config.ts'

/** The whole service under the built-in trigger, whose ticker is not begun: fires come in, nothing is armed anywhere. */
async function main() {
  const config = readConfig()
  const app = createApp({
    config: {
      ...{ ...config, provider: 'builtin' },
      databaseUrl: config.databaseUrl ?? '',
      apiKey: config.apiKey ?? '',
    },
  })
  await app.http.listen({ host: config.host, port: config.port })
}

void main()
