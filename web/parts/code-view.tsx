import { useMemo, useState } from 'preact/hooks'
import { Button } from './button.tsx'

type CodeViewProps = {
  /** A text, or a value to be written as JSON. */
  value: unknown
  label: string
  /** Lines before the rest is folded away. */
  most?: number
}

/** JSON (indented) or text, with a button that copies it. A text that is JSON is shown as such. */
export function CodeView({ value, label, most = 40 }: CodeViewProps) {
  const [isWhole, setWhole] = useState(false)
  const text = useMemo(() => textOf(value), [value])
  const lines = text.split('\n')
  const isCut = !isWhole && lines.length > most + 5
  return (
    <figure class="code">
      <figcaption>
        <span>{label}</span>
        <CopyButton text={() => text} />
      </figcaption>
      <pre tabIndex={0} aria-label={label}>
        <code>{isCut ? lines.slice(0, most).join('\n') : text}</code>
      </pre>
      {isCut && (
        <Button kind="quiet" onPress={() => setWhole(true)}>
          Show all {lines.length} lines
        </Button>
      )}
    </figure>
  )
}

/** `text`: asked for when it is pressed, because a log is long and grows. */
export function CopyButton({ text, children = 'Copy' }: { text: () => string; children?: string }) {
  const [isDone, setDone] = useState(false)
  const copy = async () => {
    await navigator.clipboard.writeText(text())
    setDone(true)
    setTimeout(() => setDone(false), 1_500)
  }
  return (
    <Button kind="quiet" onPress={copy}>
      {isDone ? 'Copied' : children}
    </Button>
  )
}

function textOf(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value, null, 2) ?? ''
  if (!/^\s*[[{]/.test(value)) return value
  try {
    return JSON.stringify(JSON.parse(value), null, 2)
  } catch {
    return value
  }
}
