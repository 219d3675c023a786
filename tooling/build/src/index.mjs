// The tsup preset of every published package: ESM, one output file for each source file, no bundled declarations
// (tsc -p tsconfig.build.json emits those). Files stay separate so that `sideEffects` works file by file in bundlers.

/** Leaves imports between our own files as imports, with the extension that the output has. */
const keepModules = {
  name: 'keep-modules',
  setup(build) {
    build.onResolve({ filter: /^\.{1,2}\// }, ({ kind, path }) =>
      kind === 'entry-point' ? undefined : { path: path.replace(/\.ts$/, '.js'), external: true },
    )
  },
}

export const tsupPreset = (over = {}) => ({
  entry: ['src/**/*.ts'],
  format: ['esm'],
  target: 'es2022',
  platform: 'neutral',
  dts: false,
  sourcemap: true,
  clean: true,
  splitting: false,
  silent: true,
  treeshake: false,
  esbuildPlugins: [keepModules],
  external: [/^node:/],
  ...over,
})
