/** Programs that break the limits that reports contradict or that are advice, and how the simulator tells. */

import { type ChipFamily, type Program, print } from '@ane/mil'
import { text, unary } from '../packages/mil/test/limit-programs.js'
import { rowOf } from './limit-proofs.js'

/** A program that breaks one contested limit: noted as a finding, and refused where the option `strict` names the limit. */
export interface ContestedProof {
  readonly id: string
  /** Text in the spelling of M3 and later, unless the spelling is what is wrong. */
  readonly mil: string
  /** When a strict simulator refuses it. */
  readonly shown: 'compile' | 'evaluate'
  /** Whether the simulator that lets it pass computes other numbers than the text says. */
  readonly numbers?: boolean
  /** Whether the simulator takes the limit to hold for every chip, also where nobody reported it. */
  readonly everywhere?: boolean
  /** The families it breaks the limit on, where they are fewer than the row's. */
  readonly only?: readonly ChipFamily[]
}

const proof = (
  id: string,
  shown: ContestedProof['shown'] = 'compile',
  program: Program = rowOf(id),
  more: Partial<ContestedProof> = {},
): ContestedProof => ({ id, shown, mil: print(program), ...more })

/** Blocks of scales on a weight that a product with the input uses. */
const blockwise = text(
  `tensor<fp16, [64, 64]> w = constexpr_blockwise_shift_scale()[data = tensor<int8, [64, 64]>(BLOBFILE(path = string("@model_path/w.bin"), offset = uint64(64))), scale = tensor<fp16, [64, 4]>(BLOBFILE(path = string("@model_path/s.bin"), offset = uint64(64)))];
   tensor<fp16, [1, 1, 64, 64]> z = mul(x = a, y = w);`,
  { inputs: 'tensor<fp16, [1, 1, 64, 64]> a' },
)

/** A weight cut from an input, which is wide enough to be evaluated. */
const computedWeight = text(
  `tensor<fp16, [64, 64, 1, 1]> w = slice_by_size(x = b, begin = tensor<int32, [4]>([0, 0, 0, 0]), size = tensor<int32, [4]>([64, 64, 1, 1]));
   tensor<fp16, [1, 64, 1, 64]> z = conv(x = a, weight = w);`,
  { inputs: 'tensor<fp16, [1, 64, 1, 64]> a, tensor<fp16, [64, 64, 1, 64]> b' },
)

/** Without buildInfo, which printing would add. */
const bare = `program(1.3)
{
  func main<ios18>(tensor<fp16, [1, 64, 1, 64]> a) {
    tensor<fp16, [1, 64, 1, 64]> z = relu(x = a);
  } -> (z);
}`

const narrow = (columns: number) => unary('relu', {}, [1, 64, 1, columns])

/** At least one program for each row of severity `warning` or `info` that a program breaks. */
export const contestedProofs: readonly ContestedProof[] = [
  proof('C-05'),
  proof('C-06', 'compile', undefined, { mil: bare }),
  proof('C-09'),
  proof('C-10'),
  proof('C-21'),
  proof('C-22'),
  proof('C-23'),
  proof('C-24'),
  proof('C-25'),
  proof('C-28'),
  proof('C-29'),
  proof('C-30'),
  proof('C-31'),
  proof('C-32'),
  proof('C-33', 'compile', undefined, { everywhere: true }),
  proof('C-33', 'compile', computedWeight, { everywhere: true, numbers: true }),
  proof('C-37', 'compile', blockwise),
  proof('C-38'),
  proof('C-39'),
  proof('C-42', 'compile', unary('layer_norm', { axes: [1] }, [1, 10240, 1, 64])),
  proof('C-50'),
  proof('C-52', 'evaluate', narrow(16), { only: ['m3', 'm5'] }),
  proof('C-52', 'evaluate', narrow(8)),
  proof('C-57', 'evaluate'),
  proof('C-61'),
  proof('C-62'),
  proof('C-76'),
  proof('C-77'),
  proof('C-79'),
  proof('C-80', 'evaluate'),
]

/** Rows that concern the binding, a whole process or time: the file in native/test and the test in it that names them. */
export const contestedNative: Readonly<Record<string, readonly [file: string, name: string]>> = {
  'C-63': ['sim_cost_test.cc', 'is_slower_when_an_operation_exceeds_the_on_chip_memory'],
  'C-72': ['sim_run_test.cc', 'binds_alphabetically'],
  'C-73': ['sim_run_test.cc', 'binds_alphabetically'],
  'C-93': ['sim_run_test.cc', 'hides_the_weights_that_change_after_compile'],
  'C-100': ['sim_evaluation_test.cc', 'stops_compiling_at_the_budget'],
  'C-101': ['sim_evaluation_test.cc', 'stops_compiling_at_the_budget'],
  'C-103': ['sim_evaluation_test.cc', 'stops_loading_at_the_limit'],
  'C-104': ['sim_run_test.cc', 'names_programs_by_content'],
  'C-105': ['sim_faults_test.cc', 'lets_one_process_use_the_engine'],
  'C-107': ['sim_limits_test.cc', 'waits_after_a_failed_compile_on_m2'],
  'C-130': ['sim_cost_test.cc', 'agrees_with_published_figures_within_the_documented_errors'],
}

const computed = 'the simulator computes what the text says'
const speed = 'advice on speed'

/** The rows the simulator does not show, each with the reason. */
export const described: Readonly<Record<string, string>> = {
  'L-01': 'nobody saw such a program fail',
  'C-56': 'an artefact of one benchmark',
  'C-59': 'the habit of one project',
  'C-94': 'the simulator takes a weightsBuffer and ignores it; nothing here passes one',
  'C-95': 'advice on benchmarks',
  'C-106': 'a service of the system, which the simulator has not',
  'C-108': 'another interface',
  'C-109': 'whole models, the cause unknown',
  'C-120': computed,
  'C-121': computed,
  'C-122': computed,
  'C-123': 'advice on benchmarks',
  'C-124': computed,
  'C-125': 'advice on benchmarks',
  'C-131': speed,
  'C-132': speed,
  'C-133': speed,
  'C-134': speed,
  'C-135': speed,
  'C-136': speed,
}
