/** Programs that break the limits no report contradicts, and where the simulator shows it. */

import { type ChipFamily, type Program, print, type SurfaceSizes, writeBlobs } from '@ane/mil'
import { operatorCases } from '../packages/mil/test/limit-cases.js'
import { conv, text, unary, weights } from '../packages/mil/test/limit-programs.js'
import { surfaceCases } from '../packages/mil/test/limit-surface-cases.js'

/** Every program that breaks a limit, one for each row the validator looks for. */
export const limitCases = [...operatorCases, ...surfaceCases]

/**
 * What shows that a limit is broken: the device's own refusal before the compiler sees the program, the compiler's, that of the
 * first or the second evaluation, or other numbers than the text says.
 */
export type Shown = 'device' | 'compile' | 'evaluate' | 'second evaluate' | 'numbers'

/** A program that breaks one limit. */
export interface LimitProof {
  readonly id: string
  /** Text in the spelling of M3 and later. */
  readonly mil: string
  readonly shown: Shown
  /** The families it breaks the limit on, where they are fewer than the row's. */
  readonly only?: readonly ChipFamily[]
  /** Families that refuse the program for the limits of other rows, too. */
  readonly except?: readonly ChipFamily[]
  /** Weight files; one record of zeros each where absent. */
  readonly files?: ReadonlyMap<string, Uint8Array>
  /** The same without what is wrong in them. */
  readonly intact?: ReadonlyMap<string, Uint8Array>
}

/** The program of a row that breaks it. */
export const rowOf = (id: string): Program => limitCases.find((entry) => entry.id === id)!.breaks
const proof = (id: string, shown: Shown, program: Program = rowOf(id), more: Partial<LimitProof> = {}): LimitProof => ({
  id,
  shown,
  mil: print(program),
  ...more,
})

/** Two records [1, 64, 1, 64] in one file, the second all ones; `pointer` is where it says its numbers begin. */
function twoRecords(pointer?: number): Uint8Array {
  const record = (value: number) => ({ dtype: 'fp16', data: new Float32Array(4096).fill(value) }) as const
  const { bytes, offsets } = writeBlobs([record(2), record(1)])
  if (pointer !== undefined) new DataView(bytes.buffer).setBigUint64(offsets[1] + 16, BigInt(pointer), true)
  return bytes
}

const sameFile = weights(
  2,
  () => 'w',
  (i) => 64 + 8256 * i,
)

const maskedAttention = text(
  `tensor<fp16, [1, 4, 32, 32]> z = scaled_dot_product_attention(query = a, key = a, value = a, attn_mask = a);`,
  { inputs: 'tensor<fp16, [1, 4, 32, 32]> a' },
)

const foldedOutput = text(
  `tensor<fp16, [1, 64, 1, 64]> w = const()[val = tensor<fp16, [1, 64, 1, 64]>(BLOBFILE(path = string("@model_path/w.bin"), offset = uint64(64)))];
   tensor<fp16, [1, 64, 1, 64]> z = relu(x = w);`,
)

/** matmul with flags in the text, which printing would name. */
const inlineFlags = `program(1.3)
{
  func main<ios18>(tensor<fp16, [1, 1, 64, 64]> a) {
    tensor<fp16, [1, 1, 64, 64]> z = matmul(x = a, y = a, transpose_x = bool(false), transpose_y = bool(true));
  } -> (z);
}`

const dynamicGather = text(
  `tensor<int32, [1]> axes = const()[val = tensor<int32, [1]>([3])];
   tensor<int32, [1, 64, 1]> p = reduce_argmax(x = a, axis = int32(3), keep_dims = bool(false));
   tensor<int32, [64]> i = reshape(x = p, shape = tensor<int32, [1]>([64]));
   tensor<fp16, [1, 64, 1, 64]> z = gather(x = a, indices = i, axis = int32(1));`,
)

const dynamicSlice = text(
  `tensor<fp16, [4, 1024]> r = reshape(x = a, shape = tensor<int32, [2]>([4, 1024]));
   tensor<fp16, [4, 1024]> o = mul(x = r, y = fp16(0));
   tensor<int32, [4]> b = reduce_argmax(x = o, axis = int32(1), keep_dims = bool(false));
   tensor<fp16, [1, 64, 1, 64]> z = slice_by_size(x = a, begin = b, size = tensor<int32, [4]>([1, 64, 1, 64]));`,
)

/** At least one program for each row of severity `error` that a program breaks. */
export const limitProofs: readonly LimitProof[] = [
  proof('C-04', 'compile'),
  proof('C-07', 'compile', undefined, { mil: inlineFlags }),
  proof('C-08', 'compile'),
  proof('C-08', 'compile', foldedOutput),
  proof('C-20', 'numbers', maskedAttention, { except: ['m1', 'm2'] }),
  proof('C-26', 'compile', rowOf('C-26'), { only: ['m5'] }),
  proof('C-26', 'compile', rowOf('C-27'), { only: ['m5'] }),
  proof('C-26', 'compile', dynamicGather),
  proof('C-27', 'second evaluate'),
  proof('C-34', 'compile'),
  proof('C-35', 'compile'),
  proof('C-35', 'compile', unary('cast', { dtype: 'int32' })),
  proof(
    'C-36',
    'compile',
    text('tensor<fp16, [1, 64, 1, 64]> z = relu(x = a);', {
      inputs: 'tensor<fp16, [1, 64, 1, 64]> a, tensor<int4, [1, 64, 4, 64]> b',
    }),
  ),
  proof('C-40', 'compile'),
  proof('C-41', 'compile'),
  proof('C-43', 'compile', rowOf('C-43')),
  proof('C-43', 'compile', dynamicSlice, { only: ['m1'] }),
  proof('C-53', 'evaluate'),
  proof('C-54', 'evaluate'),
  proof('C-58', 'numbers'),
  proof('C-60', 'compile', undefined, { only: ['m1', 'm2'] }),
  proof('C-60', 'compile', unary('relu', {}, [1, 64, 1, 65568])),
  proof('C-60', 'compile', conv(64, 64, { columns: 79, kernel: 16 }), { except: ['m4', 'm5'] }),
  proof('C-64', 'compile'),
  proof('C-78', 'compile'),
  proof(
    'C-90',
    'device',
    weights(
      1,
      () => 'w',
      () => 0,
    ),
  ),
  proof('C-91', 'numbers', sameFile, {
    files: new Map([['@model_path/w.bin', twoRecords(64)]]),
    intact: new Map([['@model_path/w.bin', twoRecords()]]),
    except: ['m1'],
  }),
  proof('C-92', 'compile', sameFile, { files: new Map([['@model_path/w.bin', twoRecords()]]) }),
]

/** A limit of the simulator itself, below what a device lets a program do, or of a process. */
export interface NativeProof {
  /** File in native/test, and the test in it that breaks the limit. */
  readonly test: readonly [file: string, name: string]
  /** What the validator is asked, where it looks for the limit: a program and the bytes of its surfaces. */
  readonly program?: Program
  readonly surfaces?: SurfaceSizes
}

const native = (file: string, name: string, surfaces?: SurfaceSizes, program?: Program): NativeProof => ({
  test: [`sim_${file}_test.cc`, name],
  program,
  surfaces,
})

const evaluation = (name: string, id: string, surfaces: SurfaceSizes) => native('evaluation', name, surfaces, rowOf(id))

/**
 * The rows that no program breaks through a device, which allocates, orders and passes everything as the Neural Engine wants
 * it, or that concern a process as a whole.
 */
export const nativeProofs: Readonly<Record<string, NativeProof>> = {
  'C-01': native('faults', 'reports_misuse_that_would_crash'),
  'C-02': native('faults', 'reports_misuse_that_would_crash'),
  'C-03': native('run', 'needs_the_files'),
  'C-51': evaluation('checks_surface_sizes', 'C-51', { a: 4096, z: 65536 }),
  'C-55': evaluation('checks_widths_per_chip', 'C-55', { a: 65600, z: 65536 }),
  'C-70': evaluation('needs_uniform_sizes', 'C-70', { a: 65536, b: 131072, z: 65536 }),
  'C-71': evaluation('needs_uniform_sizes', 'C-71', { a: 65536, b: 65536, y: 65536, z: 131072 }),
  'C-74': evaluation('gives_zeros_for_surfaces_out_of_order_on_m1', 'C-74', { a: 131072, b: 65536, z: 65536 }),
  'C-75': evaluation('checks_surface_sizes', 'C-75', { a: 49152, z: 65536 }),
  'C-102': native('evaluation', 'stops_loading_at_the_limit'),
}

/** The program as text in the spelling that a family takes, unless the spelling is what is wrong. */
export function spelledFor(family: ChipFamily, { id, mil }: Pick<LimitProof, 'id' | 'mil'>): string {
  if (id === 'C-04' || (family !== 'm1' && family !== 'm2')) return mil
  return mil.replace('program(1.3)', 'program(1.0)').replaceAll('<ios18>', '<ios16>')
}
