// The door of the test kit: what tests of several packages share.
export { judge, sharedFolder, type JudgeOptions } from './judge.ts'
