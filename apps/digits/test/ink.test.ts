// What is drawn becomes an image like those the network was trained on: as large, and with its mass in the middle.
import { describe, expect, it } from 'vitest'
import { toDigit } from '../src/drawing/ink.ts'

const SIDE = 280
function drawing(isInk: (x: number, y: number) => boolean): Float32Array {
  return Float32Array.from({ length: SIDE * SIDE }, (_, i) => (isInk(i % SIDE, Math.floor(i / SIDE)) ? 1 : 0))
}
function measure(image: Float32Array): { mass: number; x: number; y: number; width: number; height: number } {
  let [mass, x, y, left, right, top, bottom] = [0, 0, 0, 28, -1, 28, -1]
  image.forEach((v, i) => {
    const [u, w] = [i % 28, Math.floor(i / 28)]
    mass += v
    x += v * u
    y += v * w
    if (v > 0)
      [left, right, top, bottom] = [
        Math.min(left, u),
        Math.max(right, u),
        Math.min(top, w),
        Math.max(bottom, w),
      ]
  })
  return { mass, x: x / mass, y: y / mass, width: right - left + 1, height: bottom - top + 1 }
}

describe('a drawing', () => {
  it.each([
    ['a small square in a corner', (x: number, y: number) => x < 30 && y < 30],
    ['a tall bar at the right', (x: number, y: number) => x > 250 && y > 20 && y < 260],
    ['a wide bar at the bottom', (x: number, y: number) => y > 240 && x > 5 && x < 275],
    ['a ring', (x: number, y: number) => Math.abs(Math.hypot(x - 100, y - 180) - 60) < 10],
  ])('%s fills 20 pixels and lies in the middle', (_, isInk) => {
    const { x, y, width, height } = measure(toDigit(drawing(isInk), SIDE))
    expect(Math.max(width, height)).toBe(20)
    expect(Math.abs(x - 13.5)).toBeLessThanOrEqual(0.5)
    expect(Math.abs(y - 13.5)).toBeLessThanOrEqual(0.5)
  })
  it('keeps its proportions and its ink between 0 and 1', () => {
    const bar = toDigit(
      drawing((x, y) => x >= 100 && x < 130 && y >= 40 && y < 240),
      SIDE,
    )
    const { width, height } = measure(bar)
    expect(height).toBe(20)
    expect(width).toBeGreaterThanOrEqual(3)
    expect(width).toBeLessThanOrEqual(4)
    expect(Math.min(...bar)).toBe(0)
    expect(Math.max(...bar)).toBe(1)
  })
  it('without ink is empty', () => {
    expect(toDigit(new Float32Array(SIDE * SIDE), SIDE).every((v) => v === 0)).toBe(true)
  })
})
