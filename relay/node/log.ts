const levels = ['debug', 'info', 'warn', 'error'] as const
export type Level = (typeof levels)[number]
export type Log = Record<Level, (message: string, fields?: Record<string, unknown>) => void>

export function isLevel(text: string): text is Level {
  return (levels as readonly string[]).includes(text)
}

/** One line for each event: instant, level, message, fields as name=value. Nothing secret is ever a field. */
export function createLog(least: Level, print: (line: string) => void): Log {
  const at =
    (level: Level) =>
    (message: string, fields: Record<string, unknown> = {}) => {
      if (levels.indexOf(level) < levels.indexOf(least)) return
      const shown = Object.entries(fields).map(([name, value]) => `${name}=${written(value)}`)
      print([new Date().toISOString(), level, message, ...shown].join(' '))
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

function written(value: unknown): string {
  const text = value instanceof Error ? (value.stack ?? value.message) : String(value)
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text)
}
