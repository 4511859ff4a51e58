import type { Config } from '../ground/config.ts'
import { exposureOf, isPrivateHost, readDatabaseUrl } from '../ground/database-url.ts'

/** The traffic that a stranger between this process and another could read or forge, one sentence each, with the remedy. */
export function exposuresOf({ databaseUrl, prompt }: Pick<Config, 'databaseUrl' | 'prompt'>): string[] {
  const database = databaseUrl === null ? null : exposureOf(readDatabaseUrl(databaseUrl).target)
  const model = prompt.baseUrl === null || prompt.apiKey === null ? null : URL.parse(prompt.baseUrl)
  const isOpen = model !== null && model.protocol === 'http:' && !isPrivateHost(hostOf(model))
  return [
    database && `${database}: its password and all data can be read on the way. Use sslmode=verify-full`,
    isOpen &&
      `PROMPT_BASE_URL is plain http: PROMPT_API_KEY can be read on the way to ${hostOf(model)}. Use https`,
  ].filter((sentence) => typeof sentence === 'string')
}

function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1')
}
