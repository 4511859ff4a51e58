import { build } from 'esbuild'
import { oneFile, relayEntryPoints } from './bundle.ts'

/**
 * `dist/relay.js`, or the file that is named: the Node host of the relay, to be copied alone beside a Node 26. Half the
 * memory of its sources.
 */
const { metafile } = await build({
  entryPoints: relayEntryPoints,
  outfile: process.argv[2] ?? 'dist/relay.js',
  ...oneFile,
})
for (const [file, { bytes }] of Object.entries(metafile.outputs))
  console.log(`${file} ${Math.ceil(bytes / 1024)} KiB`)
