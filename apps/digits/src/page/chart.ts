// A line over the steps of training, drawn by uPlot.
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'

export class Chart {
  readonly #plot: uPlot
  readonly #steps: number[] = []
  readonly #values: (number | null)[] = []

  constructor(
    parent: HTMLElement,
    label: string,
    range: readonly [number, number | null],
    format: (v: number) => string,
  ) {
    const style = getComputedStyle(parent)
    const ink = style.color
    const axis = {
      stroke: ink,
      grid: { stroke: `color-mix(in srgb, ${ink} 15%, transparent)` },
      ticks: { show: false },
    }
    this.#plot = new uPlot(
      {
        width: parent.clientWidth || 300,
        height: 160,
        legend: { show: false },
        cursor: { show: false },
        scales: {
          x: { time: false },
          y: { range: (_, __, most) => [range[0], range[1] ?? Math.max(0.1, most * 1.05)] },
        },
        axes: [axis, { ...axis, size: 52, values: (_, ticks) => ticks.map(format) }],
        series: [
          {},
          {
            label,
            stroke: style.getPropertyValue('--accent'),
            width: 2,
            spanGaps: true,
            points: { show: false },
          },
        ],
      },
      [[], []],
      parent,
    )
    new ResizeObserver(() => this.#plot.setSize({ width: parent.clientWidth, height: 160 })).observe(parent)
  }

  add(step: number, value: number): void {
    this.#steps.push(step)
    this.#values.push(value)
    this.#plot.setData([this.#steps, this.#values])
  }

  clear(): void {
    this.#steps.length = 0
    this.#values.length = 0
    this.#plot.setData([[], []])
  }
}
