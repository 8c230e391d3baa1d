/** Can weights change without a compile? */
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AneDevice, Executable } from '@ane/runtime'
import { withDevice } from './context.js'
import { type Cell, notAvailable, type Probe } from './probe.js'
import { filled, lowered, SMALL, weighted } from './programs.js'
import { compile, type Duration, samplesOf, timed } from './timing.js'

/** Baked weights against a changed file, a reload and a compile. */
export const reload: Probe = {
  name: 'reload',
  question: 'Do baked weights change when their file does, without a compile?',
  run: (context) =>
    withDevice(context, async (device) => {
      const [first, second] = [weighted(context, 2), weighted(context, 4)]
      const x = filled(device, SMALL, 1, 'x')
      const y = filled(device, SMALL, 0, 'y')
      const output = (executable: Executable): number => {
        executable.runSync({ x }, { y })
        return y.toFloat32()[0]
      }
      const folders = new Set(modelFolders(first.blobs))
      const old = await timed(device, () => compile(device, first))
      const before = output(old.value)
      const files = modelFolders(first.blobs).filter((file) => !folders.has(file))
      for (const file of files) writeFileSync(file, [...second.blobs.values()][0])
      const overwritten = files.length === 0 ? null : output(old.value)
      old.value.dispose()
      const again = await timed(device, () => compile(device, first))
      const reloaded = output(again.value)
      again.value.dispose()
      const fresh = await timed(device, () => compile(device, second))
      const recompiled = output(fresh.value)
      fresh.value.dispose()
      const changed = overwritten !== null && overwritten !== before
      return {
        columns: ['step', 'output', 'expected of the new weights', 'weights changed'],
        rows: [
          ['compile, load, run with weights 2', before, 5, false],
          overwritten === null
            ? ['overwrite the weight file, run', notAvailable('no weight file is kept after the compile'), 5, null]
            : ['overwrite the weight file, run', overwritten, 5, changed],
          ['unload, load again without a compile', notAvailable('the interface loads only what it compiles'), 5, null],
          ['unload, hand over the old text and weights', reloaded, 3, reloaded !== before],
          ['unload, hand over the text with weights 4', recompiled, 5, recompiled !== before],
        ],
        samples: [
          ...samplesOf('compile and load', [old]),
          ...samplesOf('same text and weights again', [again]),
          ...samplesOf('same text, new weights', [fresh]),
        ],
        summary: {
          output_before: before,
          output_after_overwriting_file: overwritten,
          output_after_same_weights: reloaded,
          output_after_recompile: recompiled,
          weights_change_with_file: overwritten === null ? null : changed,
          weights_change_with_compile: recompiled !== before,
        },
        conclusion: changed
          ? 'Baked weights changed with their file.'
          : 'Baked weights do not change with their file; a compile with the new weights changes them.',
      }
    }),
}

/** Weight files of loaded programs in the temporary folder, at most two folders deep. */
function modelFolders(blobs: ReadonlyMap<string, Uint8Array>): string[] {
  const names = [...blobs.keys()].map((path) => path.replace('@model_path/', ''))
  const below = (folder: string): string[] => {
    try {
      return readdirSync(folder)
        .map((name) => join(folder, name))
        .filter((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory())
    } catch {
      return [] // a folder of another user, or one that has just gone
    }
  }
  const folders = below(tmpdir()).flatMap((folder) => [folder, ...below(folder)])
  return folders.flatMap((folder) => names.map((name) => join(folder, name)).filter((file) => existsSync(file)))
}

/** The weights buffer of a request, beside weights that are inputs. */
export const weightsBuffer: Probe = {
  name: 'weights-buffer',
  question: 'Does the weights buffer of a request replace baked weights, and what does instead?',
  run: (context) =>
    withDevice(context, async (device) => {
      const selector = context.methods().find(({ name }) => name.includes('weightsBuffer:'))
      const durations: Duration[] = []
      const outputs = await inputWeights(device, context, durations)
      const changes = outputs[0] === 3 && outputs[1] === 5
      const rows: Cell[][] = [
        ['requests take a weightsBuffer', selector !== undefined && selector.found !== '', selector?.name ?? null],
        ['a weightsBuffer replaces baked weights', notAvailable('the interface passes none'), null],
        ['weights that are an input change with it', changes, `${outputs[0]}, then ${outputs[1]}`],
      ]
      return {
        columns: ['what', 'result', 'detail'],
        rows,
        samples: samplesOf('run with weights as an input', durations),
        summary: { weights_buffer_overrides: null, input_weights_change: changes },
        conclusion: changes
          ? 'Weights that are an input change between two runs without a compile; a weights buffer cannot be tried here.'
          : `Expected outputs 3 and 5 of weights that are an input, got ${outputs.join(' and ')}.`,
      }
    }),
}

async function inputWeights(
  device: AneDevice,
  context: Parameters<Probe['run']>[0],
  durations: Duration[],
): Promise<number[]> {
  const program = lowered(context, 'weights as an input', (b) => {
    b.output(b.add({ x: b.input('a', 'fp16', SMALL), y: b.input('w', 'fp16', SMALL) }), 'y')
  })
  const executable = await compile(device, program)
  const [a, w, y] = [filled(device, SMALL, 1, 'a'), filled(device, SMALL, 2, 'w'), filled(device, SMALL, 0, 'y')]
  const outputs: number[] = []
  for (const weight of [2, 4]) {
    w.write(new Float32Array(SMALL[1] * SMALL[3]).fill(weight))
    durations.push(await timed(device, () => executable.runSync({ a, w }, { y })))
    outputs.push(y.toFloat32()[0])
  }
  executable.dispose()
  return outputs
}
