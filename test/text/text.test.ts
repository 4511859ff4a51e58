import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  beginningOf,
  cappedText,
  endOf,
  storable,
  withEllipsis,
  withoutHalfEnd,
  withoutHalfStart,
} from '../../src/ground/text.ts'

const emoji = '\u{1F600}'
/** Any UTF-16 at all: pairs, halves of pairs, NULs. */
const anyText = fc
  .array(fc.oneof(fc.constantFrom(emoji, '\ud83d', '\ude00', '\0', '\u20ac', 'x'), fc.string()))
  .map((parts) => parts.join(''))
const isKept = (text: string) => text.isWellFormed() && !text.includes('\0')

test('a cut amid an emoji leaves it out', () => {
  assert.equal(beginningOf(`${'x'.repeat(199)}${emoji}`, 200), 'x'.repeat(199))
  assert.equal(beginningOf(`${'x'.repeat(198)}${emoji}y`, 200), `${'x'.repeat(198)}${emoji}`)
  assert.equal(endOf(`${emoji}${'x'.repeat(3)}`, 4), 'xxx')
  assert.equal(endOf(`a${emoji}xx`, 4), `${emoji}xx`)
  assert.equal(withEllipsis(`ab${emoji}`, 3), 'ab\u2026')
  assert.equal(withEllipsis(`ab${emoji}`, 4), `ab${emoji}`)
  assert.equal(cappedText(`ab${emoji}`, 5), 'ab')
})

test('whatever is cut wherever is storable and within its limit, and a text that fits loses nothing', () => {
  fc.assert(
    fc.property(anyText, fc.nat(40), (text, most) => {
      for (const cut of [beginningOf(text, most), endOf(text, most)]) {
        assert.ok(isKept(cut))
        assert.ok(cut.length <= most)
      }
      const capped = cappedText(text, most)
      assert.ok(isKept(capped))
      assert.ok(Buffer.byteLength(capped) <= most)
      if (text.length <= most) assert.equal(beginningOf(text, most), storable(text))
      if (text.length <= most) assert.equal(endOf(text, most), storable(text))
      if (text.length <= most / 3) assert.equal(capped, storable(text))
    }),
  )
})

test('bytes of UTF-8 that are cut anywhere are whole characters once the halves at their ends are gone', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), fc.nat(100), fc.nat(100), (text, from, to) => {
      const bytes = Buffer.from(text)
      const cut = withoutHalfEnd(withoutHalfStart(bytes.subarray(from % bytes.length, to)))
      assert.ok(Buffer.from(cut.toString()).equals(cut))
      assert.ok(text.includes(cut.toString()))
    }),
  )
})
