// Kernels written by hand, one for each thing that generated code must get right. Tint validates them all; where a driver
// is installed their values are compared with the interpreter's.
import type { Axis, ContractKernel, Expr, Program, Store } from '@dl/tensor/backend'
import { acc, constant, index, load, map, program, reduce, row, scalar, store } from './kernels.ts'

export interface KernelCase {
  readonly name: string
  readonly program: Program
  readonly scalars?: readonly number[]
  /** Buffers whose contents are random small non-negative integers below this. */
  readonly indices?: ReadonlyMap<number, number>
  /** Too large for the interpreter: validated only. */
  readonly large?: true
}

const vector = (size: number): Axis => ({ sizes: [size], strides: [1] })
const axis = (sizes: number[], strides: number[]): Axis => ({ sizes, strides })

/** `A·B` with each operand plain or transposed, and an epilogue. */
function product(
  batch: number,
  m: number,
  n: number,
  k: number,
  ta: boolean,
  tb: boolean,
  exprs: Expr[],
  stores: Store[],
): ContractKernel {
  return {
    kind: 'contract',
    name: `dot ${ta ? 'Aᵀ' : 'A'}${tb ? 'Bᵀ' : 'B'}`,
    dtype: exprs[0]!.dtype,
    batch,
    m,
    n,
    k,
    a: {
      buffer: 0,
      base: 0,
      batch: axis([batch], [m * k]),
      rows: axis([m], [ta ? 1 : k]),
      ks: axis([k], [ta ? m : 1]),
    },
    b: {
      buffer: 1,
      base: 0,
      batch: axis([batch], [k * n]),
      rows: axis([n], [tb ? k : 1]),
      ks: axis([k], [tb ? 1 : n]),
    },
    exprs,
    stores,
  }
}
const plain = (m: number, n: number): Store[] => [store(2, 0, [0, m * n, n, 1])]

const products: KernelCase[] = [
  [1, 37, 29, 53, false, false],
  [1, 37, 29, 53, true, false],
  [1, 37, 29, 53, false, true],
  [1, 37, 29, 53, true, true],
  [3, 5, 7, 4, false, false],
  [2, 130, 70, 33, true, true],
  [1, 128, 128, 64, false, false],
  [1, 512, 576, 8, false, true],
].map(([batch, m, n, k, ta, tb]) => {
  const [b, M, N, K] = [Number(batch), Number(m), Number(n), Number(k)]
  return {
    name: `dot ${b}×${M}×${N}×${K} ${ta ? 'Aᵀ' : 'A'}${tb ? 'Bᵀ' : 'B'}`,
    program: program(
      [
        ['float32', b * M * K],
        ['float32', b * K * N],
        ['float32', b * M * N],
      ],
      [product(b, M, N, K, Boolean(ta), Boolean(tb), [acc()], plain(M, N))],
    ),
  }
})

const softmax = (rows: number, length: number): Program =>
  program(
    [
      ['float32', rows * length],
      ['float32', rows * length],
    ],
    [
      row(
        'softmax',
        [rows, length],
        1,
        [
          load(0, [0, length, 1]),
          reduce('maxNumber', 0),
          map('sub', [0, 1]),
          map('exp', [2]),
          reduce('sum', 3),
          map('div', [3, 4]),
        ],
        [store(1, 5, [0, length, 1])],
      ),
    ],
  )

const reductions = (['sum', 'prod', 'max', 'min', 'maxNumber'] as const).flatMap((kind) =>
  (['float32', 'int32', 'uint8', 'bool'] as const)
    .filter((dtype) => dtype !== 'bool' || (kind !== 'sum' && kind !== 'prod'))
    .flatMap((dtype): KernelCase[] => [
      {
        name: `${kind} of rows, ${dtype}`,
        program: program(
          [
            [dtype, 7 * 300],
            [dtype, 7],
          ],
          [
            row(
              kind,
              [7, 300],
              1,
              [load(0, [0, 300, 1], dtype), reduce(kind, 0, dtype)],
              [store(1, 1, [0, 1, 0])],
            ),
          ],
        ),
      },
      {
        name: `${kind} of columns, ${dtype}`,
        program: program(
          [
            [dtype, 90 * 70],
            [dtype, 70],
          ],
          [
            row(
              kind,
              [70, 90],
              1,
              [load(0, [0, 1, 70], dtype), reduce(kind, 0, dtype)],
              [store(1, 1, [0, 1, 0])],
            ),
          ],
        ),
      },
    ]),
)

export const CASES: readonly KernelCase[] = [
  {
    name: 'a map with a run-time scalar, a constant and two outputs',
    program: program(
      [
        ['float32', 1000],
        ['float32', 1000],
        ['float32', 1000],
      ],
      [
        row(
          'axpy',
          [1000],
          1,
          [
            load(0, [0, 1]),
            scalar(0),
            map('mul', [0, 1]),
            constant(0.1),
            map('add', [2, 3]),
            map('tanh', [4]),
          ],
          [store(1, 4, [0, 1]), store(2, 5, [0, 1])],
        ),
      ],
      ['float32'],
    ),
    scalars: [0.3],
  },
  {
    name: 'NaN, infinities, −0 and subnormal constants',
    program: program(
      [
        ['float32', 8],
        ['float32', 64],
      ],
      [
        row(
          'constants',
          [8],
          1,
          [
            load(0, [0, 1]),
            ...[Number.NaN, Infinity, -Infinity, -0, 1e-40, 3.4028234663852886e38].map((c) => constant(c)),
            ...[1, 2, 3, 4, 5, 6].map((c) => map('max', [0, c])),
            map('eq', [0, 2], 'bool'),
            map('cast', [13]),
          ],
          [
            ...[7, 8, 9, 10, 11, 12].map((e, i) => store(1, e, [i * 8, 1])),
            store(1, 4, [48, 1]),
            store(1, 14, [56, 1]),
          ],
        ),
      ],
    ),
  },
  {
    name: 'an operation on constants alone that overflows',
    program: program(
      [['float32', 4]],
      [row('overflow', [4], 1, [constant(3e38), constant(10), map('mul', [0, 1])], [store(0, 2, [0, 1])])],
    ),
  },
  {
    name: 'a transposed read of three axes and a reversed one',
    program: program(
      [
        ['float32', 6 * 5 * 7],
        ['float32', 6 * 5 * 7],
      ],
      [row('transpose', [7, 5, 6], 3, [load(0, [28, 1, -7, 35])], [store(1, 0, [0, 30, 6, 1])])],
    ),
  },
  { name: 'softmax of long rows', program: softmax(9, 1000) },
  { name: 'softmax of short rows', program: softmax(301, 10) },
  { name: 'softmax of one row', program: softmax(1, 5000) },
  {
    name: 'layer norm with scale and shift',
    program: program(
      [
        ['float32', 33 * 96],
        ['float32', 96],
        ['float32', 96],
        ['float32', 33 * 96],
        ['float32', 33],
      ],
      [
        row(
          'layerNorm',
          [33, 96],
          1,
          [
            load(0, [0, 96, 1]),
            reduce('sum', 0),
            constant(96),
            map('div', [1, 2]),
            map('sub', [0, 3]),
            map('mul', [4, 4]),
            reduce('sum', 5),
            map('div', [6, 2]),
            constant(1e-3),
            map('add', [7, 8]),
            map('sqrt', [9]),
            map('div', [4, 10]),
            load(1, [0, 0, 1]),
            map('mul', [11, 12]),
            load(2, [0, 0, 1]),
            map('add', [13, 14]),
          ],
          [store(3, 15, [0, 96, 1]), store(4, 3, [0, 1, 0])],
        ),
      ],
    ),
  },
  {
    name: 'an update in place under two passes over the row',
    program: program(
      [
        ['float32', 20 * 50],
        ['float32', 20 * 50, 0],
        ['float32', 20],
      ],
      [
        row(
          'normalize in place',
          [20, 50],
          1,
          [
            load(0, [0, 50, 1]),
            reduce('sum', 0),
            map('sub', [0, 1]),
            map('mul', [2, 2]),
            reduce('sum', 3),
            constant(2),
            map('mul', [0, 5]),
          ],
          [store(1, 6, [0, 50, 1]), store(2, 4, [0, 1, 0])],
        ),
      ],
    ),
  },
  {
    name: 'a reduction over two axes that are not neighbours',
    program: program(
      [
        ['float32', 4 * 9 * 5 * 3],
        ['float32', 9 * 3],
      ],
      [
        row(
          'sum 0 2',
          [9, 3, 4, 5],
          2,
          [load(0, [0, 15, 1, 135, 3]), reduce('sum', 0)],
          [store(1, 1, [0, 3, 1, 0, 0])],
        ),
      ],
    ),
  },
  {
    name: 'a full reduction',
    program: program(
      [
        ['float32', 12345],
        ['float32', 1],
      ],
      [row('sum', [12345], 0, [load(0, [0, 1]), reduce('sum', 0)], [store(1, 1, [0, 0])])],
    ),
  },
  {
    name: 'a reduction over nothing',
    program: program(
      [
        ['float32', 1],
        ['float32', 3],
      ],
      [row('empty', [3, 0], 1, [load(0, [0, 0, 1]), reduce('max', 0)], [store(1, 1, [0, 1, 0])])],
    ),
  },
  {
    name: 'ten reductions in one pass',
    program: program(
      [
        ['float32', 40 * 64],
        ['float32', 400],
      ],
      [
        row(
          'moments',
          [40, 64],
          1,
          [
            load(0, [0, 64, 1]),
            ...Array.from({ length: 10 }, (_, i) => [
              constant(i + 0.5),
              map('mul', [0, 1 + 3 * i]),
              reduce('sum', 2 + 3 * i),
            ]).flat(),
          ],
          Array.from({ length: 10 }, (_, i) => store(1, 3 + 3 * i, [i * 40, 1, 0])),
        ),
      ],
    ),
  },
  {
    name: 'pad: a store into a filled buffer',
    program: program(
      [
        ['float32', 12],
        ['float32', 63],
      ],
      [row('pad', [3, 4], 2, [load(0, [0, 4, 1])], [store(1, 0, [10, 18, 2], -1.5)])],
    ),
  },
  {
    name: 'booleans: compare, combine, store as bytes, pad with true',
    program: program(
      [
        ['float32', 150],
        ['float32', 150],
        ['bool', 150],
        ['bool', 311],
      ],
      [
        row(
          'mask',
          [150],
          1,
          [load(0, [0, 1]), load(1, [0, 1]), map('lt', [0, 1], 'bool'), map('not', [2], 'bool')],
          [store(2, 2, [0, 1]), store(3, 3, [7, 2], 1)],
        ),
      ],
    ),
  },
  {
    name: 'booleans read, select, updated in place',
    program: program(
      [
        ['bool', 77],
        ['float32', 77],
        ['float32', 77],
        ['bool', 77, 0],
      ],
      [
        row(
          'select',
          [77],
          1,
          [load(0, [0, 1], 'bool'), load(1, [0, 1]), constant(-1), map('select', [0, 1, 2])],
          [store(2, 3, [0, 1])],
        ),
        row('flip', [77], 1, [load(0, [0, 1], 'bool'), map('not', [0], 'bool')], [store(3, 1, [0, 1])]),
      ],
    ),
  },
  {
    name: 'bytes to floats and back',
    program: program(
      [
        ['uint8', 130],
        ['float32', 130],
        ['uint8', 130],
      ],
      [
        row(
          'scale',
          [130],
          1,
          [load(0, [0, 1], 'uint8'), map('cast', [0]), constant(255), map('div', [1, 2])],
          [store(1, 3, [0, 1])],
        ),
        row(
          'wrap',
          [130],
          1,
          [load(0, [0, 1], 'uint8'), constant(3, 'uint8'), map('mul', [0, 1], 'uint8')],
          [store(2, 2, [0, 1])],
        ),
      ],
    ),
  },
  {
    name: 'iota and threefry: random bits as floats in [0, 1)',
    program: program(
      [['float32', 1000]],
      [
        row(
          'uniform',
          [1000],
          1,
          [
            scalar(0, 'int32'),
            scalar(1, 'int32'),
            constant(0, 'int32'),
            index([0, 1]),
            map('threefry', [0, 1, 2, 3], 'int32'),
            constant(9, 'int32'),
            map('shiftRightLogical', [4, 5], 'int32'),
            constant(0x3f800000, 'int32'),
            map('bitOr', [6, 7], 'int32'),
            map('bitcast', [8]),
            constant(1),
            map('sub', [9, 10]),
          ],
          [store(0, 11, [0, 1])],
        ),
      ],
      ['int32', 'int32'],
    ),
    scalars: [12345, -678],
  },
  {
    name: 'gather: rows picked by an index that is loaded',
    program: program(
      [
        ['float32', 11 * 6],
        ['int32', 20],
        ['float32', 20 * 6],
      ],
      [
        row(
          'gather',
          [20, 6],
          2,
          [load(1, [0, 1, 0], 'int32'), load(0, [0, 0, 1], 'float32', [{ value: 0, limit: 11, stride: 6 }])],
          [store(2, 1, [0, 6, 1])],
        ),
      ],
    ),
    indices: new Map([[1, 14]]),
  },
  {
    name: 'scatter-add into zeros, indices outside are dropped',
    program: program(
      [
        ['int32', 40],
        ['float32', 2 * 40 * 3],
        ['float32', 2 * 9 * 3],
      ],
      [
        {
          kind: 'scatter',
          name: 'scatter',
          dtype: 'float32',
          outer: 2,
          limit: 9,
          count: 40,
          inner: 3,
          out: 2,
          operand: null,
          indices: 0,
          updates: 1,
        },
      ],
    ),
    indices: new Map([[0, 12]]),
  },
  {
    name: 'scatter-add onto an operand, int32',
    program: program(
      [
        ['int32', 5],
        ['int32', 5 * 8],
        ['int32', 6 * 8],
        ['int32', 6 * 8],
      ],
      [
        {
          kind: 'scatter',
          name: 'scatter',
          dtype: 'int32',
          outer: 1,
          limit: 6,
          count: 5,
          inner: 8,
          out: 3,
          operand: 2,
          indices: 0,
          updates: 1,
        },
      ],
    ),
    indices: new Map([[0, 6]]),
  },
  {
    name: 'more elements than one dimension of a grid holds',
    program: program(
      [
        ['float32', 64 * 65536 + 5],
        ['float32', 64 * 65536 + 5],
      ],
      [row('big', [64 * 65536 + 5], 1, [load(0, [0, 1]), map('neg', [0])], [store(1, 1, [0, 1])])],
    ),
    large: true,
  },
  {
    name: 'more workgroups of rows than one dimension holds',
    program: program(
      [
        ['float32', 70001 * 260],
        ['float32', 70001],
      ],
      [row('long sums', [70001, 260], 1, [load(0, [0, 260, 1]), reduce('sum', 0)], [store(1, 1, [0, 1, 0])])],
    ),
    large: true,
  },
  ...reductions,
  ...products,
  {
    name: 'dot of int32',
    program: program(
      [
        ['int32', 20 * 9],
        ['int32', 9 * 21],
        ['int32', 20 * 21],
      ],
      [product(1, 20, 21, 9, false, false, [acc('int32')], plain(20, 21))],
    ),
  },
  {
    name: 'dot with bias, relu and two outputs',
    program: program(
      [
        ['float32', 50 * 30],
        ['float32', 30 * 40],
        ['float32', 50 * 40],
        ['float32', 40],
        ['bool', 50 * 40],
      ],
      [
        product(
          1,
          50,
          40,
          30,
          false,
          false,
          [
            acc(),
            load(3, [0, 0, 0, 1]),
            map('add', [0, 1]),
            constant(0),
            map('max', [2, 3]),
            map('gt', [2, 3], 'bool'),
          ],
          [store(2, 4, [0, 0, 40, 1]), store(4, 5, [0, 0, 40, 1])],
        ),
      ],
    ),
  },
  {
    name: 'dot whose epilogue is a momentum update in place',
    program: program(
      [
        ['float32', 64 * 30],
        ['float32', 64 * 20],
        ['float32', 600],
        ['float32', 600, 2],
        ['float32', 600],
        ['float32', 600, 4],
      ],
      [
        product(
          1,
          30,
          20,
          64,
          true,
          false,
          [
            acc(),
            load(4, [0, 0, 20, 1]),
            scalar(0),
            map('mul', [1, 2]),
            map('add', [3, 0]),
            scalar(1),
            map('mul', [4, 5]),
            load(2, [0, 0, 20, 1]),
            map('sub', [7, 6]),
          ],
          [store(5, 4, [0, 0, 20, 1]), store(3, 8, [0, 0, 20, 1])],
        ),
      ],
      ['float32', 'float32'],
    ),
    scalars: [0.9, 0.01],
  },
  {
    name: 'attention heads: batch and rows that are loop nests',
    program: program(
      [
        ['float32', 2 * 6 * 3 * 8],
        ['float32', 2 * 6 * 3 * 8],
        ['float32', 6 * 36],
      ],
      [
        {
          ...product(6, 6, 6, 8, false, true, [acc()], plain(6, 6)),
          a: {
            buffer: 0,
            base: 0,
            batch: axis([2, 3], [144, 8]),
            rows: axis([2, 3], [72, 24]),
            ks: vector(8),
          },
          b: {
            buffer: 1,
            base: 0,
            batch: axis([2, 3], [144, 8]),
            rows: axis([6], [24]),
            ks: axis([2, 4], [4, 1]),
          },
        },
      ],
    ),
  },
]
