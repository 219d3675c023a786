// Ten bars: how sure the network is of each digit.

export class Probabilities {
  readonly #bars: HTMLElement[]
  readonly #numbers: HTMLElement[]
  readonly #answer: HTMLElement

  constructor(parent: HTMLElement, answer: HTMLElement) {
    this.#answer = answer
    const rows = Array.from({ length: 10 }, (_, digit) => {
      const row = document.createElement('div')
      row.className = 'row'
      row.setAttribute('role', 'listitem')
      const name = Object.assign(document.createElement('span'), { textContent: String(digit) })
      const track = Object.assign(document.createElement('span'), { className: 'track' })
      const bar = Object.assign(document.createElement('span'), { className: 'bar' })
      const number = Object.assign(document.createElement('span'), { className: 'number' })
      track.append(bar)
      row.append(name, track, number)
      parent.append(row)
      return { bar, number }
    })
    this.#bars = rows.map(({ bar }) => bar)
    this.#numbers = rows.map(({ number }) => number)
  }

  /** @param values ten probabilities, or none */
  show(values: readonly number[], without = ''): void {
    const best = values.indexOf(Math.max(...values))
    this.#bars.forEach((bar, i) => {
      bar.style.width = `${100 * (values[i] ?? 0)}%`
      bar.parentElement!.parentElement!.classList.toggle('best', i === best)
    })
    this.#numbers.forEach((number, i) => {
      number.textContent = values.length > 0 ? `${(100 * values[i]!).toFixed(0)} %` : ''
    })
    this.#answer.textContent =
      values.length > 0 ? `The network reads a ${best}, ${(100 * values[best]!).toFixed(0)} % sure.` : without
  }
}
