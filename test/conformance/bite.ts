import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { groups } from '../../dev/conformance/clauses/index.ts'
import { type Options, readOptions } from '../../dev/conformance/options.ts'
import { type Side, tryClauses } from '../../dev/conformance/run.ts'
import { prepare } from '../../dev/conformance/setting.ts'
import { failures } from '../../dev/conformance/table.ts'
import { type Build, sharedBuild } from '../support/build.ts'
import { sharedTestCluster } from '../support/cluster.ts'
import { type Breakage, breakages } from './breakages.ts'
import { startProxy, type Tamper } from './proxy.ts'

/**
 * Tests that the kit notices each breakage in front of these: every clause that the breakage is meant for holds
 * without it, and none of them with it.
 */
export function testBites(side: Side, places: Breakage['place'][]): void {
  const ours = breakages.filter((it) => it.side === side && places.includes(it.place))
  let dist: Build
  let database: string
  before(async () => {
    dist = await sharedBuild()
    database = await sharedTestCluster()
  })
  after(() => dist.remove())

  test('without a breakage the clauses hold', async () => {
    const names = [...new Set(ours.flatMap((it) => it.clauses))]
    const results = await tryOnly(names)
    assert.deepEqual(failures(results), [])
    assert.deepEqual(results.map((it) => it.clause).toSorted(), names.toSorted())
  })

  for (const { wrong, place, clauses, ...tamper } of ours) {
    test(`the kit notices ${wrong}`, async () => {
      const results = await tryOnly(clauses, { place, tamper })
      const noticed = results.filter((it) => 'tries' in it && it.tries.failures.length > 0)
      assert.deepEqual(noticed.map((it) => it.clause).toSorted(), clauses.toSorted())
    })
  }

  async function tryOnly(names: string[], broken?: { place: Breakage['place']; tamper: Tamper }) {
    const proxies: { close: () => Promise<void> }[] = []
    const through = async (url: string) => {
      const proxy = await startProxy(url, broken?.tamper ?? {})
      proxies.push(proxy)
      return proxy.url
    }
    const options = readOptions(['--side', side, '--database', database, '--seed', '1']) as Options
    const { setting, close } = await prepare(options, {
      dist: dist.folder,
      between: broken ? { [broken.place]: through } : {},
    })
    try {
      return await tryClauses(groups, { ...setting, only: (clause) => names.includes(clause) })
    } finally {
      await close()
      await Promise.all(proxies.map((proxy) => proxy.close()))
    }
  }
}
