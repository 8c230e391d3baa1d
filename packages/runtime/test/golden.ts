/** The unit goldens of `../shared`: cases and their tensors. */
import { hasShared, sharedJson, sharedPath } from '../../../test/shared/folder.js'
import { readGolden } from '../../../test/shared/safetensors.js'

/** Whether the goldens are there. */
export const hasGoldens = hasShared

/** One case of an operation; tensors by name, widened to fp64. */
export interface GoldenCase {
  readonly params: Readonly<Record<string, number>>
  readonly norm?: number
  readonly scale?: number
  readonly shape: Readonly<Record<string, readonly number[]>>
  readonly inputs: Readonly<Record<string, Float64Array>>
  readonly outputs: Readonly<Record<string, Float64Array>>
}

/** All cases of an operation. */
export function goldenCases(operation: string): GoldenCase[] {
  const entry = sharedJson('golden/units/units.json')[operation]
  const tensors = readGolden(sharedPath('golden/units', entry.file))
  type Names = Record<string, { tensor?: string; f64?: string }>
  const readAll = (names: Names) =>
    Object.fromEntries(
      Object.entries(names).map(([key, { tensor, f64 }]) => {
        return [key, Float64Array.from(tensors.get((tensor ?? f64)!)!.data, Number)]
      }),
    )
  return entry.cases.map((stored: GoldenCase & { inputs: Names; outputs: Names }) => ({
    ...stored,
    inputs: readAll(stored.inputs),
    outputs: readAll(stored.outputs),
    shape: Object.fromEntries(
      Object.entries(stored.inputs as Names).map(([key, { tensor }]) => [key, tensors.get(tensor!)!.shape]),
    ),
  }))
}
