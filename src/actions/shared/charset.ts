/** Bytes in, text out, however they come in pieces. */
export type Charset = {
  decode(piece: Uint8Array): string
  /** The bytes of a last, unfinished character. */
  end(): string
  /** Whether the bytes are UTF-8 by their label. */
  isUtf8: boolean
  /** The name of an unknown charset, shortened; such a text is read as UTF-8. */
  unknown: string | null
}

const marks: [bytes: number[], label: string][] = [
  [[0xef, 0xbb, 0xbf], 'utf-8'],
  [[0xfe, 0xff], 'utf-16be'],
  [[0xff, 0xfe], 'utf-16le'],
]

/**
 * Reads text as its `Content-Type` says (RFC 9110, 8.3.2), by the labels of the Encoding standard, in which ISO-8859-1 is
 * windows-1252. A byte order mark is stronger than the label, and no part of the text. Without either it is UTF-8.
 */
export function createCharset(contentType: string | null): Charset {
  const [, quoted, bare] = /;\s*charset\s*=\s*(?:"([^"]*)"|([^\s;"]+))/i.exec(contentType ?? '') ?? []
  const label = (quoted ?? bare ?? 'utf-8').trim()
  const named = decoderOf(label)
  const unknown = named ? null : label.replaceAll(/[^\x21-\x7e]/g, '').slice(0, 40)
  let decoder: TextDecoder | null = null
  /** The first bytes, until there are enough to tell a mark. */
  let first: Uint8Array = new Uint8Array()

  function begin(piece: Uint8Array, isEnd: boolean): Uint8Array | null {
    first = Buffer.concat([first, piece])
    if (first.length < 3 && !isEnd) return null
    const mark = marks.find(([bytes]) => bytes.every((byte, at) => first[at] === byte))
    decoder = (mark && decoderOf(mark[1])) ?? named ?? new TextDecoder()
    return first
  }

  return {
    decode(piece) {
      const bytes = decoder ? piece : begin(piece, false)
      return bytes && decoder ? decoder.decode(bytes, { stream: true }) : ''
    },
    end() {
      const bytes = decoder ? new Uint8Array() : begin(new Uint8Array(), true)
      return (decoder ?? new TextDecoder()).decode(bytes ?? new Uint8Array())
    },
    isUtf8: (named?.encoding ?? 'utf-8') === 'utf-8',
    unknown,
  }
}

function decoderOf(label: string): TextDecoder | null {
  try {
    return new TextDecoder(label)
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}
