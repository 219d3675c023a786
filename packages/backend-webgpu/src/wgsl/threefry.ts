// Threefry-2x32 with 20 rounds as WGSL: the same bits as every other backend (Salmon et al., "Parallel random numbers: as
// easy as 1, 2, 3", SC 2011). Unrolled here, so that rotations are constants.

const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24]

export function threefrySource(): string {
  const lines = [
    'fn threefry(k0: i32, k1: i32, x0: i32, x1: i32) -> i32 {',
    '  let key = array<u32, 3>(bitcast<u32>(k0), bitcast<u32>(k1), bitcast<u32>(k0 ^ k1) ^ 0x1bd11bdau);',
    '  var a = bitcast<u32>(x0) + key[0];',
    '  var b = bitcast<u32>(x1) + key[1];',
  ]
  for (let round = 0; round < 20; round++) {
    const turn = ROTATIONS[round % 8]!
    lines.push('  a = a + b;', `  b = ((b << ${turn}u) | (b >> ${32 - turn}u)) ^ a;`)
    if (round % 4 === 3) {
      const q = (round + 1) / 4
      lines.push(`  a = a + key[${q % 3}];`, `  b = b + key[${(q + 1) % 3}] + ${q}u;`)
    }
  }
  return [...lines, '  return bitcast<i32>(a);', '}'].join('\n')
}
