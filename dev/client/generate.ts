import { writeFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { openApiDocument } from '../../routes/openapi/index.ts'

/** The types of the client: `client/src/document.ts`, made from the OpenAPI document by `node dev/client/generate.ts`. */
export const typesFile = new URL('../../client/src/document.ts', import.meta.url)

/**
 * The document as openapi-typescript writes it, with its default flags.
 *
 * It prints by the programming interface of TypeScript up to 6, which TypeScript 7 does not have. ts-morph brings that as
 * a library, without a second `tsc` on the path.
 */
export async function typesOf(document: object): Promise<string> {
  const compiler = `export { ts as default } from '${import.meta.resolve('@ts-morph/common')}'`
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'typescript'
        ? { url: `data:text/javascript,${encodeURIComponent(compiler)}`, shortCircuit: true }
        : next(specifier, context),
  })
  try {
    const { default: generate, astToString, COMMENT_HEADER } = await import('openapi-typescript')
    return `${COMMENT_HEADER}${astToString(await generate(JSON.stringify(document), { silent: true }))}`
  } finally {
    hooks.deregister()
  }
}

/** The types of the client. It reads no headers by their types, which would be a quarter of the file. */
export async function clientTypes(): Promise<string> {
  const document = openApiDocument({ version: '0', metricsHere: true })
  const text = JSON.stringify(document, (name, value: unknown) => (name === 'headers' ? undefined : value))
  return typesOf(JSON.parse(text) as object)
}

if (import.meta.main) writeFileSync(typesFile, await clientTypes())
