// A byte buffer that grows, with the number encodings of the WebAssembly binary format. Emission speed is what the first
// training step waits for, so nothing here allocates an array for a number.

const scratch = new DataView(new ArrayBuffer(8))

export class Bytes {
  #data: Uint8Array
  #length = 0

  constructor(capacity = 256) {
    this.#data = new Uint8Array(capacity)
  }

  get length(): number {
    return this.#length
  }

  #reserve(extra: number): void {
    if (this.#length + extra <= this.#data.length) return
    const grown = new Uint8Array(Math.max(this.#data.length * 2, this.#length + extra))
    grown.set(this.#data.subarray(0, this.#length))
    this.#data = grown
  }

  byte(value: number): void {
    if (this.#length === this.#data.length) this.#reserve(1)
    this.#data[this.#length++] = value
  }

  /** Unsigned LEB128, up to 32 bits. */
  unsigned(value: number): void {
    while (value > 127) {
      this.byte((value & 127) | 128)
      value >>>= 7
    }
    this.byte(value)
  }

  /** Signed LEB128 of a 32-bit integer. */
  signed(value: number): void {
    for (;;) {
      const low = value & 127
      value >>= 7
      if ((value === 0 && (low & 64) === 0) || (value === -1 && (low & 64) !== 0)) {
        this.byte(low)
        return
      }
      this.byte(low | 128)
    }
  }

  /** Signed LEB128 of a 64-bit integer. */
  signed64(value: bigint): void {
    for (;;) {
      const low = Number(value & 127n)
      value >>= 7n
      if ((value === 0n && (low & 64) === 0) || (value === -1n && (low & 64) !== 0)) {
        this.byte(low)
        return
      }
      this.byte(low | 128)
    }
  }

  float32(value: number): void {
    scratch.setFloat32(0, value, true)
    this.#copyScratch(4)
  }

  float64(value: number): void {
    scratch.setFloat64(0, value, true)
    this.#copyScratch(8)
  }

  int32(value: number): void {
    scratch.setInt32(0, value, true)
    this.#copyScratch(4)
  }

  int64(value: bigint): void {
    scratch.setBigInt64(0, value, true)
    this.#copyScratch(8)
  }

  #copyScratch(count: number): void {
    this.#reserve(count)
    for (let i = 0; i < count; i++) this.#data[this.#length++] = scratch.getUint8(i)
  }

  /** A name: length and UTF-8 (ASCII names only). */
  name(text: string): void {
    this.unsigned(text.length)
    for (let i = 0; i < text.length; i++) this.byte(text.charCodeAt(i))
  }

  append(other: Bytes): void {
    this.#reserve(other.#length)
    this.#data.set(other.#data.subarray(0, other.#length), this.#length)
    this.#length += other.#length
  }

  /** A copy of what was written. */
  take(): Uint8Array<ArrayBuffer> {
    return this.#data.slice(0, this.#length)
  }
}
