// What `explain` prints: graph, kernels, buffers, and code where a backend shows some.
import { describe, expect, it } from 'vitest'
import { explainPlan } from '../../src/compile/explain.ts'
import { showAffine, showKernel } from '../../src/compile/print-program.ts'
import { createReferenceBackend } from '../../src/backend/reference/backend.ts'
import type { KernelBackend } from '../../src/backend/contract.ts'
import * as p from '../../src/graph/primitives.ts'
import { interpretingBackend } from '../../src/testing/ir-interpreter.ts'
import { input } from './evaluation.ts'

const { s } = p
const dense = s.relu(s.add(p.dot(input([2, 3]), input([3, 4])), input([4])))
const request = { roots: [p.reduce('sum', dense, [1])], inPlace: new Map(), keep: [] }

describe('explainPlan', () => {
  it('prints graph, kernels and buffers', () => {
    expect(explainPlan(request, interpretingBackend())).toMatchInlineSnapshot(`
      "graph: 9 nodes, 3 leaves
        %0 = buffer float32[2, 3]
        %1 = buffer float32[3, 4]
        %2 = dot %0, %1 float32[2, 4]
        %3 = buffer float32[4]
        %4 = reshape %3 float32[1, 4]
        %5 = broadcast %4 float32[2, 4]
        %6 = add %2, %5 float32[2, 4]
        %7 = relu %6 float32[2, 4]
        %8 = reduce sum %7 float32[2, 1] (axes [1])

      program: 2 kernels on interpreter
      #0 product dot: 2 × 4, 3 terms
        left b0 (batch 1·0 | rows 2·3 | terms 3·1)
        right b1 (batch 1·0 | rows 4·1 | terms 3·4)
        e0 = the product
        b4[4·m + n] = e0
      #1 row sum: i0 < 2; reduced k0 < 4
        e0 = b4[4·i0 + k0]
        e1 = b2[k0]
        e2 = add e0, e1
        e3 = 0
        e4 = max e2, e3
        e5 = sum over the row of e4
        b3[i0] = e5

      b0 leaf 0 float32 × 6 (24 bytes) at slot 0
      b1 leaf 1 float32 × 12 (48 bytes) at slot 1
      b2 leaf 2 float32 × 4 (16 bytes) at slot 2
      b3 output 3 float32 × 2 (8 bytes) at slot 3
      b4 %2 float32 × 8 (32 bytes) at arena 0
      arena: 128 bytes"
    `)
  })

  it('prints code where the backend has some', () => {
    const backend = interpretingBackend()
    const withSource: KernelBackend = {
      ...backend,
      compile: (program) => ({ ...backend.compile(program), source: () => program.kernels.map(showKernel) }),
    }
    expect(explainPlan(request, withSource, { code: true })).toContain('code:\nproduct dot')
  })

  it('says that a graph backend runs the graph itself', () => {
    expect(explainPlan(request, createReferenceBackend('graph'))).toContain('graph runs the graph itself')
  })
})

describe('affine forms', () => {
  it.each([
    [[0], '0'],
    [[3, 0, 0], '3'],
    [[0, 1, 4], 'i + 4·j'],
    [[2, 0, -1], '-1·j + 2'],
    [[0, 4, -1], '4·i - 1·j'],
  ] as const)('%j read %s', (form, text) => {
    expect(showAffine(form, ['i', 'j'])).toBe(text)
  })
})
