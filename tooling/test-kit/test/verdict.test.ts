import { mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { judgesVerdict } from '../../scripts/judges.mjs'

const shared = mkdtempSync(join(tmpdir(), 'dl-shared-'))
mkdirSync(join(shared, 'oracles/ops'), { recursive: true })

const ran = { name: 'PyTorch', needs: 'oracles/ops', passed: 3, failed: 0, skipped: 0 }
const skipped = { ...ran, passed: 0, skipped: 1 }

describe('judgesVerdict', () => {
  const cases = [
    { name: 'is content when the judge ran', judges: [ran], required: ['oracles/ops'], missing: [] },
    { name: 'misses a skipped judge', judges: [skipped], required: [], missing: ['oracles/ops'] },
    {
      name: 'misses a judge whose tests are gone',
      judges: [],
      required: ['oracles/ops'],
      missing: ['oracles/ops'],
    },
    { name: 'excuses a judge whose folder is absent', judges: [], required: ['oracles/other'], missing: [] },
    {
      name: 'misses a judge that one of two packages skipped',
      judges: [skipped, ran],
      required: ['oracles/ops'],
      missing: ['oracles/ops'],
    },
  ]
  it.each(cases)('$name', ({ judges, required, missing }) => {
    expect(judgesVerdict(judges, shared, required).missing).toEqual(missing)
  })
})
