const f64 = new Float64Array(1)
const f64Bits = new BigUint64Array(f64.buffer)
const FRACTION_MASK = (1n << 52n) - 1n

/**
 * Prints a number as an exact C99 hexadecimal float whose leading digit is 1, e.g. `-0x1.8p-3`.
 *
 * Subnormals are normalised too; zero is `0x0p+0`, the specials are `inf`, `-inf` and `nan`.
 */
export function printHexFloat(x: number): string {
  if (Number.isNaN(x)) return 'nan'
  const sign = x < 0 || Object.is(x, -0) ? '-' : ''
  const magnitude = Math.abs(x)
  if (magnitude === 0) return `${sign}0x0p+0`
  if (magnitude === Infinity) return `${sign}inf`
  const subnormal = magnitude < 2 ** -1022
  f64[0] = subnormal ? magnitude * 2 ** 54 : magnitude
  const bits = f64Bits[0]
  const exponent = Number(bits >> 52n) - 1023 - (subnormal ? 54 : 0)
  const fraction = (bits & FRACTION_MASK).toString(16).padStart(13, '0').replace(/0+$/, '')
  return `${sign}0x1${fraction && '.'}${fraction}p${exponent < 0 ? '-' : '+'}${Math.abs(exponent)}`
}

const HEX_FLOAT = /^(-?)0[xX]([0-9a-fA-F]+)(?:\.([0-9a-fA-F]*))?[pP]([+-]?[0-9]{1,6})$/
const MAX_DIGITS = 64

/** Reads a C99 hexadecimal float, rounding to fp64 when it has more digits; `undefined` if it is not one. */
export function parseHexFloat(text: string): number | undefined {
  const match = HEX_FLOAT.exec(text)
  if (!match) return undefined
  const [, sign, whole, fraction = '', power] = match
  const digits = whole + fraction
  if (digits.length > MAX_DIGITS) return undefined
  const exponent = Number(power) - 4 * fraction.length
  const significand = Number(BigInt(`0x${digits}`))
  return (sign ? -1 : 1) * scale(significand, exponent)
}

/** Multiplies by a power of two; in two steps where the power itself is outside fp64. */
function scale(x: number, exponent: number): number {
  if (x === 0) return x
  if (exponent >= -1022 && exponent <= 1023) return x * 2 ** exponent
  const first = exponent < 0 ? -960 : 960
  if (Math.abs(exponent) > 3000) return exponent < 0 ? 0 : Infinity
  return scale(x * 2 ** first, exponent - first)
}
