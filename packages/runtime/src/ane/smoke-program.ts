/** A small program every Neural Engine runs: proves that compiling and evaluating work. */
import { AneError } from '../ane-error.js'
import type { Device } from '../device.js'

const shape = [1, 256, 1, 64] as const

/** Version 1.0 with spelled-out scalars and a build dictionary, which M1 to M5 accept. */
export const smokeText = `program(1.0)
[buildInfo = dict<tensor<string, []>, tensor<string, []>>({{"coremlc-component-MIL", "3500.14.1"}, {"coremlc-version", "3500.32.1"}})]
{
    func main<ios16>(tensor<fp16, [1, 256, 1, 64]> x) {
        tensor<fp16, [1, 256, 1, 64]> y = add(x = x, y = x)[name = tensor<string, []>("y")];
    } -> (y);
}
`

/** Compiles and runs it once. @throws {AneError} if it does not compile, does not run or gives wrong numbers */
export async function runSmokeProgram(device: Device): Promise<void> {
  const executable = await device.compile(smokeText, { name: 'smoke program' })
  const x = device.createSurface(shape, 'fp16', 'x')
  const y = device.createSurface(shape, 'fp16', 'y')
  try {
    x.write(Float32Array.from({ length: 256 * 64 }, (_, i) => i % 1024))
    await executable.run({ x }, { y })
    const wrong = y.toFloat32().findIndex((value, i) => value !== 2 * (i % 1024))
    if (wrong >= 0) {
      throw new AneError('ANE_EVAL_FAILED', `The smoke program gave a wrong number at element ${wrong}.`)
    }
  } finally {
    for (const each of [executable, x, y]) each.dispose()
  }
}
