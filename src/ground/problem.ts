/** A problem of one field of the caller's input. `message` begins with the path. */
export type Problem = { path: string; message: string }

/** A sentence about the field `name` of the value at `path` ('': the whole). */
export function problemAt(path: string, name: string, sentence: string): Problem {
  const at = path ? `${path}.${name}` : name
  return { path: at, message: `${at}: ${sentence}` }
}
