import { type Receiver, startReceiver } from './http.ts'

/** `signal`: as Healthchecks shows it; of Cronitor, its `state`. `run`: `rid` or `series`. */
export type Ping = { signal: string; run: string | null; body: string; isTaken: boolean }

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const mostBytes = 100_000

/** Looks like the pinging API of Healthchecks at `/ping/<uuid>`, and like Cronitor's telemetry at `/p/<key>/<monitor>`. */
export function startHealthcheckReceiver(options: { port?: number } = {}): Promise<Receiver<Ping>> {
  return startReceiver<Ping>(({ url, body }) => {
    const [, kind, check = '', more] = url.pathname.split('/')
    if (kind === 'p' && check && more) {
      const { state = 'none', series = null, message = '' } = Object.fromEntries(url.searchParams)
      const isTaken = ['none', 'run', 'complete', 'fail', 'ok'].includes(state)
      return {
        status: isTaken ? 200 : 400,
        body: 'OK',
        got: { signal: state, run: series, body: message, isTaken },
      }
    }
    const run = url.searchParams.get('rid')
    const got = { signal: more ?? 'success', run, body: body.toString(), isTaken: true }
    const isKnown =
      kind === 'ping' && uuid.test(check) && ['success', 'start', 'fail', 'log'].includes(got.signal)
    if (!isKnown) return { status: 404, body: 'not found', got: { ...got, isTaken: false } }
    if (run !== null && !uuid.test(run))
      return { status: 400, body: 'invalid uuid format', got: { ...got, isTaken: false } }
    if (body.length > mostBytes) return { status: 413, body: 'too large', got: { ...got, isTaken: false } }
    return { status: 200, body: 'OK', got }
  }, options)
}
