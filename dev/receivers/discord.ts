import { formOf, jsonOf, type Receiver, startReceiver } from './http.ts'

export type GotDiscord = {
  content: string
  mentions: unknown
  files: { name: string; text: string }[]
  isTaken: boolean
}

const mostContent = 2_000
const mostFileBytes = 10 * 1024 * 1024

/** Looks like a webhook of Discord: JSON, or `payload_json` with `files[n]`. */
export function startDiscordReceiver(options: { port?: number } = {}): Promise<Receiver<GotDiscord>> {
  return startReceiver<GotDiscord>(async (call) => {
    const form = await formOf(call)
    const written = form.get('payload_json')
    const payload =
      typeof written === 'string' ? (JSON.parse(written) as Record<string, unknown>) : jsonOf(call)
    const files = await Promise.all(
      [...form].flatMap(([name, value]) =>
        /^files\[\d\]$/.test(name) && typeof value !== 'string' ? [readFile(value)] : [],
      ),
    )
    const content = typeof payload?.['content'] === 'string' ? payload['content'] : ''
    const got = { content, mentions: payload?.['allowed_mentions'], files, isTaken: true }
    if (!payload || (content === '' && files.length === 0))
      return {
        status: 400,
        body: { code: 50_006, message: 'Cannot send an empty message' },
        got: { ...got, isTaken: false },
      }
    if (content.length > mostContent || files.some(({ text }) => text.length > mostFileBytes))
      return {
        status: 400,
        body: { code: 50_035, message: 'Invalid Form Body' },
        got: { ...got, isTaken: false },
      }
    if (call.url.searchParams.get('wait') !== 'true') return { status: 204, got }
    return { status: 200, body: { id: '1', content }, got }
  }, options)
}

async function readFile(file: File) {
  return { name: file.name, text: await file.text() }
}
