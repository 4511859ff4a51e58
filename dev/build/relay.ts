import { build } from 'esbuild'

/**
 * `dist/relay.js`, or the file that is named: the Node host of the relay, to be copied alone beside a Node 26. Half the
 * memory of its sources.
 */
const { metafile } = await build({
  entryPoints: ['relay/node/main.ts'],
  outfile: process.argv[2] ?? 'dist/relay.js',
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node26',
  metafile: true,
  minifySyntax: true,
  minifyWhitespace: true,
  keepNames: true,
  legalComments: 'eof',
  logLevel: 'warning',
})
for (const [file, { bytes }] of Object.entries(metafile.outputs))
  console.log(`${file} ${Math.ceil(bytes / 1024)} KiB`)
