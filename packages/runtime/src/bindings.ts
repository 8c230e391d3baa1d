/** What every device checks before a program runs. */
import type { Bindings, IoDescription, Surface } from './device.js'
import { describeTensor } from './shapes.js'

/**
 * Surfaces in the declared order.
 *
 * @throws {TypeError} if a binding is missing, unknown, of another device, disposed or of another element type
 * @throws {RangeError} if a shape differs
 */
export function orderSurfaces<S extends Surface>(
  kind: 'input' | 'output',
  descriptions: readonly IoDescription[],
  bindings: Bindings,
  ownSurface: (surface: Surface, name: string) => S,
): S[] {
  if (typeof bindings !== 'object' || bindings === null) {
    throw new TypeError(`Expected surfaces by ${kind} name, got ${String(bindings)}.`)
  }
  for (const name of Object.keys(bindings)) {
    if (!descriptions.some((io) => io.name === name)) {
      const known = descriptions.map((io) => io.name).join(', ')
      throw new TypeError(`Expected one of ${known} for the name of an ${kind}, got ${name}.`)
    }
  }
  return descriptions.map((io) => {
    const surface = Object.hasOwn(bindings, io.name) ? bindings[io.name] : undefined
    if (surface === undefined) throw new TypeError(`Expected a surface for ${kind} ${io.name}, got none.`)
    const own = ownSurface(surface, `${kind} ${io.name}`)
    checkTensor(kind, io, own)
    return own
  })
}

/** @throws {TypeError} if an output surface is also an input or bound to two outputs */
export function checkDistinct(
  executable: { outputs: readonly IoDescription[] },
  inputs: Surface[],
  outputs: Surface[],
) {
  for (const [i, surface] of outputs.entries()) {
    if (inputs.includes(surface) || outputs.indexOf(surface) !== i) {
      const { name } = executable.outputs[i]
      throw new TypeError(`Expected a surface of its own for output ${name}, got one that is bound twice.`)
    }
  }
}

function checkTensor(kind: string, io: IoDescription, surface: Surface): void {
  const sameShape = surface.shape.length === io.shape.length && surface.shape.every((dim, i) => dim === io.shape[i])
  if (surface.dtype === io.dtype && sameShape) return
  const message =
    `Expected ${describeTensor(io.dtype, io.shape)} for ${kind} ${io.name}, ` +
    `got ${describeTensor(surface.dtype, surface.shape)}.`
  throw surface.dtype === io.dtype ? new RangeError(message) : new TypeError(message)
}
