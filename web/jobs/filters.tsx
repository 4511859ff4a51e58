import { useEffect, useRef, useState } from 'preact/hooks'
import { Button } from '../parts/button.tsx'
import { Field } from '../parts/field.tsx'
import { query, setQuery } from '../router.ts'
import type { JobFilter } from './list.ts'

/** Columns that the API can order by, as they stand in an address. */
const orders: Record<string, string> = { name: 'name', stand: 'state', next: 'next' }

/** The filter that an address names: each view of the list is a link. */
export function filterOf(from: URLSearchParams): JobFilter {
  return {
    q: from.get('q') ?? '',
    state: from.get('state') ?? '',
    tag: from.get('tag') ?? '',
    failing: from.get('failing') === 'true',
    unarmed: from.get('unarmed') === 'true',
    silent: from.get('silent') === 'true',
    order: orderOf(from.get('sort') ?? ''),
  }
}

function orderOf(sort: string): string {
  const order = orders[sort.replace(/^-/, '')]
  return order === undefined ? '' : (sort.startsWith('-') ? '-' : '') + order
}

const states = [
  { value: '', label: 'Any state' },
  { value: 'scheduled', label: 'Scheduled' },
  { value: 'paused', label: 'Paused' },
  { value: 'completed', label: 'Completed' },
  { value: 'error', label: 'In error' },
]
const onlys = [
  ['failing', 'Failing'],
  ['unarmed', 'Not armed'],
  ['silent', 'Tells no one'],
] as const

/** What is looked for; every change is in the address at once. */
export function Filters() {
  const at = query.value
  return (
    <search class="filters">
      <Typed name="q" label="Search" placeholder="Name or prompt" isSearch />
      <Field
        label="State"
        hideLabel
        value={at.get('state') ?? ''}
        onInput={(state) => setQuery({ state })}
        options={states}
      />
      <Typed name="tag" label="Tag" placeholder="Tag" />
      <div class="onlys" role="group" aria-label="Only those that">
        {onlys.map(([name, label]) => {
          const isOn = at.get(name) === 'true'
          return (
            <Button key={name} pressed={isOn} onPress={() => setQuery({ [name]: isOn ? null : 'true' })}>
              {label}
            </Button>
          )
        })}
      </div>
    </search>
  )
}

type TypedProps = { name: string; label: string; placeholder: string; isSearch?: boolean }

/** A field whose text becomes a filter as soon as its writer rests for a moment. */
function Typed({ name, label, placeholder, isSearch = false }: TypedProps) {
  const set = query.value.get(name) ?? ''
  const [text, write] = useState(set)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => write(set), [set])
  const input = (value: string) => {
    write(value)
    clearTimeout(timer.current)
    timer.current = setTimeout(() => setQuery({ [name]: value.trim() }), 200)
  }
  return (
    <Field
      label={label}
      hideLabel
      type="search"
      value={text}
      onInput={input}
      placeholder={placeholder}
      isSearch={isSearch}
    />
  )
}
