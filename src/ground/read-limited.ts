/**
 * The body as text, at most its first `maxBytes` after decompression (the rest is not read); a character that the cut
 * would split is left out.
 */
export async function readAtMost(
  body: AsyncIterable<Uint8Array> | null,
  maxBytes: number,
): Promise<{ text: string; isCut: boolean }> {
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  // Leaving the loop early cancels the stream, and with it the connection.
  for await (const chunk of body ?? []) {
    const room = maxBytes - size
    text += decoder.decode(chunk.subarray(0, room), { stream: true })
    if (chunk.byteLength > room) return { text, isCut: true }
    size += chunk.byteLength
  }
  return { text: text + decoder.decode(), isCut: false }
}

/** The body as text; null if it is longer than `maxBytes` after decompression. */
export async function readLimited(
  { body }: { body: AsyncIterable<Uint8Array> | null },
  maxBytes: number,
): Promise<string | null> {
  const { text, isCut } = await readAtMost(body, maxBytes)
  return isCut ? null : text
}
