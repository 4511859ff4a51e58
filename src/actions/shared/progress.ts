/** How far an answer has come. `status` is null before its headers are there; `bytes` are those of its body. */
export type Progress = { status: number | null; bytes: number }

/** How far things had come, for a message: it decides whether the target may have done its work. */
export function where({ status, bytes }: Progress): string {
  return status === null ? 'before it answered' : `after it answered ${status} and ${bytes} bytes of a body`
}
