import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readConfig } from '../../src/ground/config.ts'
import { exposuresOf } from '../../src/process/exposure.ts'

const warned = (env: Record<string, string>) => exposuresOf(readConfig(env)).join('\n')

test('a password that strangers could read on its way is warned of, with the remedy and without the password', () => {
  const open = warned({ DATABASE_URL: 'postgres://u:hunter2@db.example/x?sslmode=require' })
  assert.match(open, /sslmode=require does not verify the certificate of db\.example.*verify-full/)
  assert.match(warned({ DATABASE_URL: 'postgres://u:hunter2@db.example/x' }), /not encrypted/)
  assert.doesNotMatch(open, /hunter2/)
  assert.equal(warned({ DATABASE_URL: 'postgres://u:p@db.example/x?sslmode=verify-full' }), '')
  assert.equal(warned({ DATABASE_URL: 'postgres://u:p@x.flycast/x' }), '')
  assert.equal(warned({}), '')
})

test('so is the key of a model that is called in the clear', () => {
  const key = { PROMPT_API_KEY: 'sk-hunter2' }
  assert.match(warned({ ...key, PROMPT_BASE_URL: 'http://model.example/v1' }), /PROMPT_API_KEY can be read/)
  assert.equal(warned({ ...key, PROMPT_BASE_URL: 'https://model.example/v1' }), '')
  assert.equal(warned({ ...key, PROMPT_BASE_URL: 'http://model.internal:11434/v1' }), '')
  assert.equal(warned({ PROMPT_BASE_URL: 'http://model.example/v1' }), '')
})
