import type { Context } from '../context.ts'

export type Finding = { ok: boolean; text: string }

export type Report = {
  findings: Finding[]
  good(text: string): void
  bad(text: string): void
}

/** Shows people each finding as it is made; programs get all of them at the end. */
export function reportTo({ isForPrograms, paint, say }: Context): Report {
  const findings: Finding[] = []
  function found(ok: boolean, text: string) {
    findings.push({ ok, text })
    if (!isForPrograms) say(`${ok ? paint('green', '✔') : paint('red', '✖')} ${text}\n`)
  }
  return { findings, good: (text) => found(true, text), bad: (text) => found(false, text) }
}
