import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { errorsFile, errorsPage } from '../../dev/docs/errors.ts'

test('docs/errors.md is what the error table makes', () => {
  assert.equal(readFileSync(errorsFile, 'utf8'), errorsPage(), 'run: node dev/docs/errors.ts')
})
