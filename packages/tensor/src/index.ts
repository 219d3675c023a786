// Door `@dl/tensor`: the functions of core and, through the side effect of methods.ts, the same as methods of tensors.
import './tensor/methods.ts'

export * from './core.ts'
