// The runtime's promises as tests: when values are fixed, and what jit guarantees. One test for each sentence of
// docs/design/ARCHITECTURE.md §3 ("When values are fixed") and §5 ("What `jit` promises"). Every backend runs them.
import { debugJit, jit, traceCount } from '../compile/jit.ts'
import { grad } from '../autodiff/grad.ts'
import { nodesCreated } from '../graph/node.ts'
import { add, mul, sub } from '../ops/arithmetic.ts'
import { clone, ones, scalar, tensor, zeros } from '../ops/creation.ts'
import { dropout } from '../ops/dropout.ts'
import { matMul } from '../ops/matmul.ts'
import { sum } from '../ops/reduction.ts'
import { square, tanh } from '../ops/unary.ts'
import { generatorState, seed } from '../random/generator.ts'
import { dispose, tidy } from '../tensor/scope.ts'
import { memory } from '../tensor/memory.ts'
import { runtimeScalar } from '../tensor/runtime-scalar.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { variable } from '../tensor/variable.ts'
import { assert, assertThrows, assertValues, type TestApi } from './test-api.ts'

/** Registers the tests with the given test functions; the backend under test must be active. */
export function runtimePromises(api: TestApi): void {
  valuesAreFixed(api)
  jitPromises(api)
}

function valuesAreFixed({ describe, it }: TestApi): void {
  describe('when values are fixed', () => {
    it('a value is fixed at the call', async () => {
      const rate = runtimeScalar(2)
      const doubled = mul(tensor([1, 2, 3]), rate.read())
      rate.value = 100
      await assertValues(doubled, [2, 4, 6])
    })
    it('host arrays are copied when given', async () => {
      const host = Float32Array.of(1, 2, 3)
      const x = tensor(host)
      const y = add(x, 1)
      host.fill(99)
      await assertValues(x, [1, 2, 3])
      await assertValues(y, [2, 3, 4])
    })
    it('reading a variable names its version', async () => {
      const v = variable(tensor([1, 2]))
      const before = mul(v, 10)
      v.assign(tensor([5, 6]))
      const after = mul(v, 10)
      v.assign(add(v, 1))
      await assertValues(v, [6, 7])
      await assertValues(before, [10, 20])
      await assertValues(after, [50, 60])
      v.dispose()
    })
    it('a live value keeps the version it needs when the variable is overwritten', async () => {
      const v = variable(tensor([1, 2, 3]))
      const live = tanh(v)
      for (let i = 0; i < 3; i++) {
        v.assign(mul(v, 2))
        await assertValues(v, [2 ** (i + 1), 2 ** (i + 2), 3 * 2 ** (i + 1)])
      }
      await assertValues(live, [1, 2, 3].map(Math.tanh), 1e-6)
      v.dispose()
    })
    it('a read handle of a variable does not change with it', async () => {
      const v = variable(tensor([1, 2]))
      const snapshot = clone(v)
      await assertValues(snapshot, [1, 2])
      v.assign(add(v, 1))
      await assertValues(v, [2, 3])
      v.assign(add(v, 1))
      await assertValues(v, [3, 4])
      await assertValues(snapshot, [1, 2])
      v.dispose()
    })
    it('swapping two variables swaps them', async () => {
      const a = variable(tensor([1, 2]))
      const b = variable(tensor([3, 4]))
      const old = add(a, 0)
      a.assign(add(b, 0))
      b.assign(old)
      await assertValues(a, [3, 4])
      await assertValues(b, [1, 2])
      dispose([a, b])
    })
    it('dispose ends the handle, not what an uncomputed value needs', async () => {
      const x = tensor([1, 2, 3])
      await x.data()
      const y = add(x, 1)
      x.dispose()
      assertThrows(() => add(x, 1), /disposed/)
      await assertValues(y, [2, 3, 4])
    })
    it('data returns a fresh copy', async () => {
      const x = add(tensor([1, 2, 3]), 0)
      const first = await x.data()
      first.fill(7)
      await assertValues(x, [1, 2, 3])
    })
    it('an asynchronous read has the value of the moment it was called', async () => {
      const v = variable(tensor([1, 2]))
      v.assign(add(v, 1))
      const read = v.data()
      v.assign(mul(v, 50))
      await assertValues(tensor(await read), [2, 3])
      const y = add(tensor([1]), 1)
      const promised = y.data()
      y.dispose()
      await assertValues(tensor(await promised), [2])
      v.dispose()
    })
    it('a program that cannot be computed harms nobody else', async () => {
      const v = variable(tensor([1]))
      v.assign(add(v, 1))
      const huge = add(ones([3_000_000, 3_000_000]), tensor([2])) // 36 TB
      let failed = false
      try {
        await huge.data()
      } catch {
        failed = true
      }
      assert(failed, '36 TB were computed')
      await assertValues(add(tensor([1]), 1), [2])
      await assertValues(jit(() => mul(v, 10))(), [20])
      dispose([huge, v])
    })
    it('constants that nobody reads take no memory', async () => {
      const constant = ones([1000, 1000])
      await add(tensor([1]), 1).data()
      const before = memory().physical.liveBytes
      const other = mul(constant, 2)
      await add(tensor([2]), 1).data()
      const grown = memory().physical.liveBytes - before
      assert(grown < 1e6, `${grown} bytes for constants`)
      dispose([constant, other])
    })
    it('values survive the end of a tidy that returns them', async () => {
      const y = tidy(() => mul(add(tensor([1, 2]), 1), 2))
      await assertValues(y, [4, 6])
    })
  })
}

function jitPromises({ describe, it }: TestApi): void {
  describe('what jit promises', () => {
    it('traces once per signature: tree, shapes, dtypes, other values', async () => {
      let ran = 0
      const assertRuns = (times: number, why: string): void =>
        assert(ran === times, `${why}: ran ${ran} times`)
      const f = jit((p: { a: Tensor; b: Tensor[] }, k: number, name: string) => {
        ran++
        return mul(add(p.a, p.b[0]!), name === 'double' ? 2 * k : k)
      })
      const p = (n: number): { a: Tensor; b: Tensor[] } => ({ a: ones([n]), b: [ones([n])] })
      await assertValues(f(p(2), 3, 'single'), [6, 6])
      await assertValues(f(p(2), 3, 'single'), [6, 6])
      assertRuns(1, 'one signature was traced more than once')
      await assertValues(f(p(3), 3, 'single'), [6, 6, 6])
      assertRuns(2, 'a new shape is a new signature')
      await assertValues(f(p(3), 4, 'single'), [8, 8, 8])
      await assertValues(f(p(3), 4, 'double'), [16, 16, 16])
      assertRuns(4, 'other values are part of the signature')
      await assertValues(f({ a: ones([2], 'int32'), b: [ones([2], 'int32')] }, 3, 'single'), [6, 6])
      assertRuns(5, 'a new dtype is a new signature')
    })
    it('side effects happen only while tracing, and a replay makes no graph node', async () => {
      const seen: string[] = []
      const f = jit((x: Tensor) => {
        seen.push('traced')
        return square(x)
      })
      const x = tensor([2, 3])
      await x.data()
      await assertValues(f(x), [4, 9])
      const nodes = nodesCreated()
      const traces = traceCount()
      for (let i = 0; i < 10; i++) f(x).dispose()
      assert(nodesCreated() === nodes, `${nodesCreated() - nodes} nodes were made by 10 replays`)
      assert(traceCount() === traces && seen.join() === 'traced', 'the body ran again')
    })
    it('tensors that fn closes over are inputs by identity', async () => {
      const w = tensor([10, 20])
      const lazy = add(w, 1)
      const f = jit((x: Tensor) => add(mul(x, w), lazy))
      await assertValues(f(tensor([1, 2])), [21, 61])
      w.dispose()
      await assertValues(f(tensor([2, 3])), [31, 81])
    })
    it('variables that fn reads are state', async () => {
      const v = variable(tensor([1, 2]))
      const f = jit((x: Tensor) => mul(x, v))
      await assertValues(f(tensor([3, 3])), [3, 6])
      v.assign(tensor([10, 20]))
      await assertValues(f(tensor([3, 3])), [30, 60])
      v.dispose()
    })
    it('variables that fn assigns are updated by every replay, in program order', async () => {
      const count = variable(scalar(0))
      const total = variable(scalar(0))
      const f = jit(() => {
        count.assign(add(count, 1))
        total.assign(add(total, count)) // sees the new count
        count.assign(add(count, 1))
        return clone(count)
      })
      const results = [f(), f(), f()]
      await assertValues(count, [6])
      await assertValues(total, [1 + 3 + 5])
      for (const [i, r] of results.entries()) await assertValues(r, [2 * (i + 1)])
      dispose([count, total])
    })
    it('swaps of variables work in a replay', async () => {
      const a = variable(tensor([1, 2]))
      const b = variable(tensor([3, 4]))
      const f = jit(() => {
        const old = clone(a)
        a.assign(clone(b))
        b.assign(old)
      })
      f()
      await assertValues(a, [3, 4])
      await assertValues(b, [1, 2])
      f()
      f()
      await assertValues(a, [3, 4])
      dispose([a, b])
    })
    it('the random generator is a variable: dropout differs on every call and equals the unjitted run', async () => {
      const x = ones([64])
      const f = (t: Tensor): Tensor => dropout(t, 0.5)
      const run = async (g: typeof f): Promise<number[][]> => {
        seed(7)
        const rows: number[][] = []
        for (let i = 0; i < 3; i++) rows.push([...(await g(x).data())])
        return rows
      }
      const eager = await run(f)
      const compiled = await run(jit(f))
      assert(String(eager) === String(compiled), 'jitted dropout differs from the plain one')
      assert(String(eager[0]) !== String(eager[1]), 'two calls dropped the same elements')
      await generatorState().data()
    })
    it('setting a run-time scalar never retraces', async () => {
      const rate = runtimeScalar(0.5)
      let ran = 0
      const f = jit((x: Tensor) => {
        ran++
        return mul(x, rate.read())
      })
      await assertValues(f(tensor([2, 4])), [1, 2])
      rate.value = 10
      await assertValues(f(tensor([2, 4])), [20, 40])
      assert(ran === 1, 'setting the scalar retraced')
    })
    it('reading a value inside a trace throws and says what to use', () => {
      const f = jit((x: Tensor) => (x.dataSync()[0]! > 0 ? x : mul(x, 2)))
      assertThrows(
        () => f(tensor([1])),
        /\[jit\] the value of a traced tensor is not known here; use cond, whileLoop or where/,
      )
      const g = jit((x: Tensor) => (add(x, 1).dataSync()[0]! > 0 ? x : mul(x, 2)))
      assertThrows(() => g(tensor([1])), /\[jit\] the value of a traced tensor is not known here/)
      const h = jit((x: Tensor) => {
        void add(x, 1).data()
        return x
      })
      assertThrows(() => h(tensor([1])), /\[jit\] the value of a traced tensor is not known here/)
    })
    it('a typed array is no argument: its contents may change', () => {
      const f = jit((x: Tensor, a: Float32Array) => add(x, tensor(a)))
      assertThrows(() => f(tensor([1]), Float32Array.of(1)), /Float32Array cannot be an argument/)
    })
    it('graphs may be 10,000 operations deep', async () => {
      const deep = (x: Tensor): Tensor => {
        for (let i = 0; i < 10_000; i++) x = mul(x, 1.0001)
        return x
      }
      await assertValues(jit(deep)(tensor([1])), [1.0001 ** 10_000], 1e-2)
      await assertValues(jit(grad((x: Tensor) => sum(deep(x))))(tensor([1])), [1.0001 ** 10_000], 1e-2)
    }, 60_000)
    it('an async fn throws', () => {
      assertThrows(() => jit(async (x: Tensor) => x), /async/)
      const hidden = jit((x: Tensor) => Promise.resolve(x))
      assertThrows(() => hidden(tensor([1])), /synchronous/)
    })
    it('a throw while tracing leaves all variables as they were', async () => {
      const v = variable(tensor([1, 2]))
      const f = jit(() => {
        v.assign(add(v, 1))
        throw new Error('stop here')
      })
      assertThrows(() => f(), /stop here/)
      await assertValues(v, [1, 2])
      v.dispose()
    })
    it('more than 16 signatures warn with the argument that changes', () => {
      const f = jit((x: Tensor, k: number) => mul(x, k))
      const warnings: string[] = []
      const warn = console.warn
      console.warn = (message: string) => void warnings.push(message)
      try {
        for (let k = 1; k <= 40; k++) f(ones([1]), k).dispose()
      } finally {
        console.warn = warn
      }
      assert(
        warnings.length === 1 && /argument 1 changes: 16 became 17/.test(warnings[0]!),
        `warnings: ${warnings.join('; ')}`,
      )
    })
    it('the cache is least recently used first out', () => {
      let ran = 0
      const f = jit((x: Tensor, k: number) => {
        ran++
        return mul(x, k)
      })
      const warn = console.warn
      console.warn = () => {}
      try {
        for (let k = 0; k < 32; k++) f(ones([1]), k).dispose()
        f(ones([1]), 0).dispose() // most recent now
        f(ones([1]), 32).dispose() // pushes 1 out
        const before = ran
        f(ones([1]), 0).dispose()
        assert(ran === before, 'a recently used signature was dropped')
        f(ones([1]), 1).dispose()
        assert(ran === before + 1, 'the least recently used signature was kept')
      } finally {
        console.warn = warn
      }
    })
    it('jit nests, and grad(jit(f)) equals jit(grad(f))', async () => {
      const f = (x: Tensor): Tensor => sum(square(tanh(x)))
      const inner = jit(f)
      const outer = jit((x: Tensor) => mul(inner(x), 2))
      const x = tensor([0.1, -0.4, 0.7])
      const plain = await f(x).data()
      await assertValues(outer(x), [plain[0]! * 2], 1e-6)
      const a = await grad(inner)(x).data()
      const b = await jit(grad(f))(x).data()
      await assertValues(tensor(a), [...b], 1e-6)
    })
    it('donate hands the memory of arguments over', async () => {
      const step = jit((p: { w: Tensor }, x: Tensor) => ({ w: sub(p.w, mul(x, 0.5)) }), { donate: [0] })
      let p = { w: add(zeros([4]), 1) }
      const keepsItsValue = clone(p.w)
      await p.w.data()
      await keepsItsValue.data()
      const x = ones([4])
      for (let i = 0; i < 3; i++) {
        const before = p
        p = step(p, x)
        assert(before.w.isDisposed, 'a donated tensor is disposed')
      }
      await assertValues(p.w, [-0.5, -0.5, -0.5, -0.5])
      await assertValues(keepsItsValue, [1, 1, 1, 1])
    })
    it('an argument that is also a variable’s value stays what it was', async () => {
      const v = variable(tensor([1, 2]))
      const snapshot = clone(v)
      const f = jit((x: Tensor) => {
        v.assign(add(v, x))
        return add(x, 0)
      })
      await assertValues(f(snapshot), [1, 2])
      await assertValues(snapshot, [1, 2])
      await assertValues(v, [2, 4])
      v.dispose()
    })
    it('debugJit(false) runs everything eagerly', async () => {
      let ran = 0
      const f = jit((x: Tensor) => {
        ran++
        return matMul(x, x)
      })
      debugJit(false)
      try {
        f(ones([2, 2]))
        await assertValues(f(ones([2, 2])), [2, 2, 2, 2])
      } finally {
        debugJit(true)
      }
      assert(ran === 2, 'the body did not run at each call')
    })
  })
}
