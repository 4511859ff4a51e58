import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { breakages, obedient } from './breakages.ts'
import { copyProject, type Findings, runTools } from './project.ts'

/**
 * `npm run check` is only as good as the proof that each rule bites: a glob that matches nothing and a rule that is
 * misspelt look exactly like a clean project. So each rule is broken once, in a copy of this tree, and has to be
 * named by its tool, for that file.
 */
let findings: Findings

before(async () => {
  const project = await copyProject({
    ...obedient,
    ...Object.fromEntries(breakages.map(({ file, text }) => [file, text])),
  })
  after(project.remove)
  findings = await runTools(project.folder)
})

for (const { tool, rule, file, what } of breakages) {
  test(`${tool} refuses ${what}`, () => {
    const said = findings[tool].filter((line) => line.includes(file))
    assert.ok(
      said.some((line) => line.includes(rule)),
      `${tool} did not name ${rule} for ${file}; it said of it: ${said.join('\n') || 'nothing'}`,
    )
  })
}

test('what keeps the rules is let through', () => {
  // only a test imports it, as it stands for shapes and not for a part of the service
  const { 'knip --production': _, ...others } = findings
  const said = Object.values(others).flat()
  for (const file of Object.keys(obedient)) {
    assert.deepEqual(
      said.filter((line) => line.includes(file)),
      [],
    )
  }
})
