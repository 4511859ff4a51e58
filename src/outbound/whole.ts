/** Of one answer, and of all that are being read at this time. */
const mostOfOne = 8 * 1024 * 1024
const mostOfAll = 32 * 1024 * 1024
let held = 0

const ways = ['arrayBuffer', 'blob', 'bytes', 'formData', 'json', 'text'] as const

/**
 * The same answer, of which `text()` and all else that takes a body as a whole reads 8 MiB at most, and of all answers
 * in the process together 32 MiB at a time. Beyond that they reject with a TypeError, and the connection is closed.
 * `body` has no limit: read piece by piece, it is never held as a whole.
 */
export function bounded(response: Response): Response {
  const methods = Object.fromEntries(ways.map((way) => [way, { value: () => readWhole(response, way) }]))
  const { clone } = response
  return Object.defineProperties(response, {
    ...methods,
    clone: { value: () => bounded(clone.call(response)) },
  })
}

async function readWhole(response: Response, way: (typeof ways)[number]): Promise<unknown> {
  const { body, headers } = response
  if (response.bodyUsed || body?.locked) throw new TypeError('the body of this answer was read already')
  let mine = 0
  const counting = new TransformStream<Uint8Array, Uint8Array<ArrayBuffer>>({
    transform(piece, controller) {
      mine += piece.byteLength
      held += piece.byteLength
      if (mine > mostOfOne) throw tooLarge('8 MiB', 'one answer')
      if (held > mostOfAll) throw tooLarge('32 MiB', 'all answers that are being read')
      controller.enqueue(new Uint8Array(piece))
    },
  })
  try {
    return await new Response(body && body.pipeThrough(counting), { headers })[way]()
  } finally {
    held -= mine
  }
}

function tooLarge(most: string, of: string): TypeError {
  const cause = new Error(`more than ${most} of ${of}: read its body piece by piece`)
  return new TypeError('fetch failed', { cause })
}
