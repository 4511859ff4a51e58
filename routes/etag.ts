/** Whether `If-None-Match` names this tag; weak or strong, it is the same here (RFC 9110, 13.1.2). */
export function isTagOf(etag: string, header: string | undefined): boolean {
  if (header === undefined) return false
  return header.trim() === '*' || header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)
}
