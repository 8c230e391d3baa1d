/** A product of 8-bit numbers as a program of 8-bit weights and activations has it. */
import { writeBlob } from '@ane/mil'
import { openDevice } from '@ane/runtime'

const [ROWS, K, COLUMNS] = [768, 768, 256]

/** Its name, rows times columns over the length of a sum. */
export const INT8_PRODUCT = `int8 product ${ROWS}×${K}×${COLUMNS}`

const RUNS = 20

const weights = `@model_path/weights.bin`
const text = `program(1.3)
{
  func main<ios18>(tensor<int8, [1, ${K}, 1, ${COLUMNS}]> codes) {
    tensor<fp16, [${ROWS}, ${K}, 1, 1]> w = constexpr_affine_dequantize()[axis = int32(0), name = string("w"),
      quantized_data = tensor<int8, [${ROWS}, ${K}, 1, 1]>(BLOBFILE(path = string("${weights}"), offset = uint64(64))),
      scale = fp16(0x1p-6), zero_point = int8(0)];
    tensor<fp16, [1, ${K}, 1, ${COLUMNS}]> x = dequantize(input = codes, scale = fp16(0x1p-6));
    tensor<fp16, [1, ${ROWS}, 1, ${COLUMNS}]> y = conv(x = x, weight = w);
  } -> (y);
}
`

const numbers = (count: number) => Int8Array.from({ length: count }, (_, i) => (i * 89) % 127)

/** Operations per second of the program's runs, packing and rounding to fp16 included; the fastest of some. */
export async function measureInt8Product(threads: number): Promise<number> {
  const device = await openDevice('cpu', { threads })
  const blobs = new Map([[weights, writeBlob('int8', numbers(ROWS * K))]])
  const executable = await device.compile(text, { blobs })
  const codes = device.createSurface([1, K, 1, COLUMNS], 'int8', 'codes')
  const y = device.createSurface([1, ROWS, 1, COLUMNS], 'fp16', 'y')
  codes.write(numbers(K * COLUMNS))
  let least = Number.POSITIVE_INFINITY
  for (let run = 0; run < RUNS; run++) {
    least = Math.min(least, executable.runSync({ codes }, { y }))
  }
  device.dispose()
  return executable.flops / (least / 1000)
}
