import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { configurationFile, configurationPage } from '../../dev/docs/configuration.ts'
import { errorsFile, errorsPage } from '../../dev/docs/errors.ts'
import { routesFile, routesPage } from '../../dev/docs/routes.ts'

const isCurrent = (file: URL, page: string, program: string) =>
  assert.equal(readFileSync(file, 'utf8'), page, `run: node ${program}`)

test('docs/errors.md has every error code', () => {
  isCurrent(errorsFile, errorsPage(), 'dev/docs/errors.ts')
})

test('docs/configuration.md has every variable that is read, with its default and what is allowed', () => {
  isCurrent(configurationFile, configurationPage(), 'dev/docs/configuration.ts')
})

test('docs/routes.md has every route of the OpenAPI document, with its scope and answers', () => {
  isCurrent(routesFile, routesPage(), 'dev/docs/routes.ts')
})
