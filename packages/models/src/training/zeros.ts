/** Bytes of a buffer that several arrays share; a larger array has one of its own. */
const SHARED_BYTES = 2 ** 30
/** Every array begins on a cache line of its buffer. */
const LINE = 64

interface ZerosOf<T> {
  new (buffer: ArrayBuffer, offset: number, length: number): T
  readonly BYTES_PER_ELEMENT: number
}

/**
 * Makes an array of zeros for every name, of as many elements as `sizes` says. They share few buffers: what a schedule
 * names is checked before and after each execution, buffer by buffer.
 */
export function zeros<T>(of: ZerosOf<T>, sizes: ReadonlyMap<string, number>): Map<string, T> {
  const arrays = new Map<string, T>()
  let [group, bytes] = [new Map<string, { readonly offset: number; readonly size: number }>(), 0]
  const allocate = () => {
    const buffer = new ArrayBuffer(bytes)
    for (const [name, { offset, size }] of group) arrays.set(name, new of(buffer, offset, size))
    group = new Map()
    bytes = 0
  }
  for (const [name, size] of sizes) {
    const own = Math.ceil((size * of.BYTES_PER_ELEMENT) / LINE) * LINE
    if (bytes + own > SHARED_BYTES) allocate()
    group.set(name, { offset: bytes, size })
    bytes += own
  }
  allocate()
  return arrays
}
