// The drawing area: mouse, finger, pen and keyboard. It keeps the strokes as ink and tells when they change.
import { toDigit } from './ink.ts'

const PEN = 22
const KEY_STEP = 14

export class Pad {
  readonly #canvas: HTMLCanvasElement
  readonly #context: CanvasRenderingContext2D
  readonly #changed: () => void
  #last: { x: number; y: number } | null = null
  /** Where the keyboard's pen is, and whether it writes. */
  #cursor = { x: 140, y: 140, down: false }
  #empty = true

  /** @param onDigit asked for an example of a digit by a number key */
  constructor(canvas: HTMLCanvasElement, changed: () => void, onDigit: (digit: number) => void) {
    this.#canvas = canvas
    this.#context = canvas.getContext('2d', { willReadFrequently: true })!
    this.#changed = changed
    this.clear()
    canvas.addEventListener('pointerdown', (event) => {
      canvas.setPointerCapture(event.pointerId)
      this.#last = this.#place(event)
      this.#stroke(this.#last)
    })
    canvas.addEventListener('pointermove', (event) => {
      if (this.#last) for (const e of event.getCoalescedEvents?.() ?? [event]) this.#stroke(this.#place(e))
    })
    for (const end of ['pointerup', 'pointercancel'] as const)
      canvas.addEventListener(end, () => {
        this.#last = null
      })
    canvas.addEventListener('keydown', (event) => this.#key(event, onDigit))
  }

  get isEmpty(): boolean {
    return this.#empty
  }

  clear(): void {
    this.#context.fillStyle = '#fff'
    this.#context.fillRect(0, 0, this.#canvas.width, this.#canvas.height)
    this.#empty = true
    this.#changed()
  }

  /** Shows an image of 28 × 28 intensities. */
  show(pixels: Float32Array): void {
    const image = new ImageData(28, 28)
    pixels.forEach((p, i) => image.data.set([255 * (1 - p), 255 * (1 - p), 255 * (1 - p), 255], 4 * i))
    const small = new OffscreenCanvas(28, 28)
    small.getContext('2d')!.putImageData(image, 0, 0)
    this.#context.drawImage(small, 0, 0, this.#canvas.width, this.#canvas.height)
    this.#empty = false
    this.#changed()
  }

  /** The drawing as the network wants it, `[784]`. */
  digit(): Float32Array {
    const { width, height } = this.#canvas
    const { data } = this.#context.getImageData(0, 0, width, height)
    return toDigit(
      Float32Array.from({ length: width * height }, (_, i) => 1 - data[4 * i]! / 255),
      width,
    )
  }

  #place(event: PointerEvent): { x: number; y: number } {
    const box = this.#canvas.getBoundingClientRect()
    const scale = this.#canvas.width / box.width
    return { x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale }
  }

  #stroke(to: { x: number; y: number }): void {
    const c = this.#context
    c.lineWidth = PEN
    c.lineCap = 'round'
    c.lineJoin = 'round'
    c.strokeStyle = '#000'
    c.beginPath()
    c.moveTo(this.#last?.x ?? to.x, this.#last?.y ?? to.y)
    c.lineTo(to.x + 0.01, to.y)
    c.stroke()
    this.#last = to
    this.#empty = false
    this.#changed()
  }

  #key(event: KeyboardEvent, onDigit: (digit: number) => void): void {
    const moves: Readonly<Record<string, readonly [number, number]>> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    }
    const move = moves[event.key]
    if (move) {
      const inside = (v: number): number => Math.min(this.#canvas.width - PEN, Math.max(PEN, v))
      const from = { x: this.#cursor.x, y: this.#cursor.y }
      this.#cursor.x = inside(from.x + move[0] * KEY_STEP)
      this.#cursor.y = inside(from.y + move[1] * KEY_STEP)
      if (this.#cursor.down) {
        this.#last = from
        this.#stroke(this.#cursor)
        this.#last = null
      }
    } else if (event.key === ' ') {
      this.#cursor.down = !this.#cursor.down
      if (this.#cursor.down) this.#stroke(this.#cursor)
      this.#last = null
    } else if (event.key === 'Escape') this.clear()
    else if (/^[0-9]$/.test(event.key)) onDigit(Number(event.key))
    else return
    event.preventDefault()
  }
}
