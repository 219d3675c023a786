// @dl itself: the bundle of src/ours.ts.
export { prepare, start } from '../../dist/ours.js'
