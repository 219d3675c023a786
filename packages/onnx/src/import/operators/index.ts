// The table of operators: one entry an operator of ONNX's own domain. To add one, write its entry in the file of its family.
import type { Operator } from '../operator.ts'
import { activation } from './activation.ts'
import { attentions } from './attention.ts'
import { conditions } from './condition.ts'
import { convolutions } from './convolution.ts'
import { creation } from './creation.ts'
import { elementwise } from './elementwise.ts'
import { indexing } from './indexing.ts'
import { distinct } from './distinct.ts'
import { lines } from './lines.ts'
import { loops } from './loop.ts'
import { losses } from './loss.ts'
import { matrix } from './matrix.ts'
import { movement } from './movement.ts'
import { pooling } from './pooling.ts'
import { quantization } from './quantization.ts'
import { randomness } from './random.ts'
import { recurrent } from './recurrent.ts'
import { reductions } from './reduction.ts'
import { resizing } from './resize.ts'
import { samplingGrids } from './sampling-grids.ts'
import { selection } from './selection.ts'
import { sequences } from './sequence.ts'
import { signals } from './signal.ts'

export const OPERATORS: ReadonlyMap<string, Operator> = new Map(
  [
    elementwise,
    activation,
    matrix,
    convolutions,
    reductions,
    movement,
    creation,
    resizing,
    attentions,
    losses,
    indexing,
    pooling,
    samplingGrids,
    selection,
    signals,
    quantization,
    randomness,
    lines,
    distinct,
    sequences,
    recurrent,
    conditions,
    loops,
  ].flatMap((family) => Object.entries(family)),
)
