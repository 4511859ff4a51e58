import { stripVTControlCharacters, styleText } from 'node:util'
import { whenFrom } from '../src/ground/span.ts'
import type { Json } from './api.ts'
import type { Io } from './io.ts'

type Style = Parameters<typeof styleText>[0]

/** Colour for terminals alone, and not if NO_COLOR says so. */
export function painterOf({ isTerminal, env }: Io): (style: Style, text: string) => string {
  const isColoured = isTerminal && !env['NO_COLOR']
  return (style, text) => (isColoured ? styleText(style, text, { validateStream: false }) : text)
}

/** Columns under their heads; texts of the service lose whatever would steer a terminal. */
export function tableOf(heads: string[], rows: string[][]): string {
  const cells = [heads, ...rows].map((row) => row.map(oneLine))
  const widths = heads.map((_, n) => Math.max(...cells.map((row) => visibleLength(row[n] ?? ''))))
  const lines = cells.map((row) =>
    row
      .map((cell, n) => cell + ' '.repeat((widths[n] ?? 0) - visibleLength(cell)))
      .join('  ')
      .trimEnd(),
  )
  return `${lines.join('\n')}\n`
}

/** A table, or a word that there is nothing to show. */
export function listOf(none: string, heads: string[], rows: string[][]): string {
  return rows.length === 0 ? `${none}\n` : tableOf(heads, rows)
}

// oxlint-disable-next-line no-control-regex
const colours = /\u001b\[\d+m/g

function oneLine(text: string): string {
  // our own colours stay
  const kept = text.match(colours) ?? []
  const parts = text.split(colours).map((part) => stripVTControlCharacters(part).replaceAll(/\p{Cc}+/gu, ' '))
  return parts.map((part, n) => part + (kept[n] ?? '')).join('')
}

// oxlint-disable-next-line no-control-regex
const anyColours = /(\u001b\[[\d;]*m)/

/** What a target or a program has written, for a terminal: its colours stay, whatever else would steer it is left out. */
export function harmless(text: string, { isTerminal }: Pick<Io, 'isTerminal'>): string {
  if (!isTerminal) return text
  const parts = text.split(anyColours).map((part, n) => (n % 2 === 1 ? part : unsteering(part)))
  return parts.join('')
}

function unsteering(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/[^\P{Cc}\n\t\r]/gu, '')
}

function visibleLength(text: string): number {
  return stripVTControlCharacters(text).length
}

export function stateStyle(state: string): Style {
  if (state === 'succeeded' || state === 'scheduled' || state === 'ran') return 'green'
  if (['failed', 'timed_out', 'interrupted', 'error', 'missed'].includes(state)) return 'red'
  return ['paused', 'skipped', 'cancelled', 'superseded'].includes(state) ? 'yellow' : 'cyan'
}

/** As a person says it: `in 5 min`, `3 h ago`. */
export function whenOf(instant: string | null): string {
  return instant === null ? '–' : whenFrom(instant, Date.now())
}

export function jsonOf(value: Json): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
