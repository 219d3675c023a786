// Which judges must speak, and the verdict over a run: a judge whose folder lies in ../shared and that did not run, whether
// its tests were skipped or have gone, fails the run.
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** Folders and files of `../shared` whose numbers the project must reproduce. A new judge adds its folder here. */
export const requiredJudges = [
  'oracles/ops/activations.json',
  'oracles/ops/conv.json',
  'oracles/ops/losses.json',
  'oracles/ops/norm.json',
  'oracles/ops/optimizers.json',
  'oracles/ops/pool.json',
  'oracles/keras-cases/cnn_bn',
  'oracles/keras-cases/conv_same_stride',
  'oracles/keras-cases/gru',
  'oracles/keras-cases/lstm2',
  'oracles/keras-cases/masking_lstm',
  'oracles/keras-cases/mlp',
  'oracles/keras-cases/simplernn_bidir',
  'oracles/torch-cases',
  'models/torch113_iris_mlp',
  'models/torch113_digits_cnn_bn',
  'models/ppocr_v2_cls',
  'models/ppocr_v4_det',
  'onnx-conformance',
  'tfjs-specs',
  'oracles/keras-cases/resnet',
]

/**
 * @param {{ name: string, needs: string, passed: number, failed: number, skipped: number }[]} judges what the tests reported
 * @param {string} shared the folder beside the project
 */
export function judgesVerdict(judges, shared, required = requiredJudges) {
  const ran = judges.filter(({ passed, failed }) => passed + failed > 0)
  const skipped = judges.filter((judge) => !ran.includes(judge))
  const unheard = required.filter((needs) => !judges.some((judge) => judge.needs === needs))
  const missing = [...new Set([...skipped.map(({ needs }) => needs), ...unheard])].filter((needs) =>
    existsSync(join(shared, needs)),
  )
  const list = (rows) => (rows.length === 0 ? 'none' : rows.join(', '))
  const lines = [
    `Judges run: ${list(ran.map(({ name, passed, failed }) => `${name} (${passed} of ${passed + failed})`))}`,
    `Judges skipped: ${list([...skipped.map(({ name, needs }) => `${name} (needs ../shared/${needs})`), ...unheard.map((needs) => `../shared/${needs} (no test)`)])}`,
    ...missing.map((needs) => `FAILED: ../shared/${needs} is there, but its judge did not run`),
  ]
  return { lines, missing }
}
