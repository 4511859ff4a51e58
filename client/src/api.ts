import type { Client } from 'openapi-fetch'
import type { paths } from './document.ts'

/** Every route of the document, as openapi-fetch has it. */
export type Api = Client<paths>
