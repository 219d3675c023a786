// Everything can be extended from outside with what the packages export.
import { customGrad, exp, matMul, type Tensor } from '@dl/tensor'
import { Layer, registerLayer, sequential, layers } from '@dl/layers'
import '@dl/backend-cpu'

// An operation with its own gradient: the straight-through estimator.
export const roundStraightThrough = customGrad((x: Tensor) => ({
  value: x.round(),
  gradient: (dy: Tensor) => dy,
}))

// A loss is a function of labels and predictions; it composes, differentiates and exports like built-in ones.
export const quantileLoss = (q: number) => (labels: Tensor, predictions: Tensor) => {
  const error = labels.sub(predictions)
  return error
    .mul(q)
    .maximum(error.mul(q - 1))
    .mean(-1)
}

// A layer: config, build, call.
class LowRankDense extends Layer<{ units: number; rank: number }> {
  build([, inputs]: readonly [number | null, number]) {
    this.down = this.addWeight('down', [inputs, this.config.rank], { initializer: 'glorotUniform' })
    this.up = this.addWeight('up', [this.config.rank, this.config.units], { initializer: 'zeros' })
  }
  call(x: Tensor<[number, number]>) {
    return matMul(matMul(x, this.down), this.up)
  }
  declare down: Tensor<[number, number]>
  declare up: Tensor<[number, number]>
}
registerLayer(LowRankDense)

const net = sequential([
  new LowRankDense({ units: 32, rank: 4, inputShape: [256] }),
  layers.lambda({ call: (x: Tensor) => exp(x.neg()) }),
])
net.compile({ optimizer: 'sgd', loss: quantileLoss(0.9) })
