import { expect, it } from 'vitest'
import { handWrittenLoop } from '../src/hand-written-loop.ts'

it('a hand-written loop of 10,000 steps stays within bounds in Chromium', async () => {
  const report = await handWrittenLoop(10_000)
  expect(report.lastLoss).toBeLessThan(report.firstLoss)
  expect(report.peakLiveBytes).toBeLessThan(800e6)
}, 300_000)
