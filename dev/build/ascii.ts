/**
 * One letter beyond ASCII (in an author's name at the end) makes V8 keep the whole source with two bytes a letter, and
 * Node decode it before: 25 ms of a boot, and megabytes permanently.
 */
export function toAscii(text: string): string {
  return text.normalize('NFKD').replaceAll(/[^\0-\x7f]/g, '')
}
