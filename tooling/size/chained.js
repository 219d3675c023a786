// The same with the chained methods (`a.add(b)`), which bring every operation along.
import '@dl/backend-cpu'
export { add, matMul, tensor } from '@dl/tensor'
