import type { FastifyInstance, FastifyRequest } from 'fastify'

type Known = { parts: string[]; methods: Set<string> }

const paths = Symbol('paths and their methods')

/** Notes which methods each path of `app` has. To be called before any route is registered. */
export function noteMethods(app: FastifyInstance): void {
  const known = new Map<string, Known>()
  app.decorate(paths, known)
  app.addHook('onRoute', ({ url, method }) => {
    const { methods } = known.get(url) ?? { methods: new Set<string>() }
    for (const name of [method].flat()) methods.add(name)
    known.set(url, { parts: url.split('/'), methods })
  })
}

/** The methods that this path has, in alphabetical order; none: it is the path of no route. */
export function methodsOf({ server }: FastifyRequest, path: string): string[] {
  const parts = path.split('/')
  const known = [...server.getDecorator<Map<string, Known>>(paths).values()]
  const methods = known.filter((one) => isOf(parts, one.parts)).flatMap((one) => [...one.methods])
  return [...new Set(methods)].toSorted()
}

function isOf(parts: string[], pattern: string[]): boolean {
  return (
    parts.length === pattern.length &&
    pattern.every((part, n) => part === parts[n] || (part.startsWith(':') && parts[n] !== ''))
  )
}
