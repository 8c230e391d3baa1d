import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type DeviceHandle, loadAddon, type ProgramHandle, type SurfaceHandle } from '../cpu/addon.js'

const addon = loadAddon()

/** y = x + c. */
const text = (c: number, columns = 64) => `program(1.3)
{
    func main<ios18>(tensor<fp16, [1, 64, 1, ${columns}]> x) {
        fp16 c = const()[val = fp16(${c})];
        tensor<fp16, [1, 64, 1, ${columns}]> y = add(x = x, y = c)[name = string("y")];
    } -> (y);
}`

let folder: string
const { TMPDIR } = process.env
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ane-lifetimes-'))
  process.env.TMPDIR = folder
})
afterEach(() => {
  for (const device of opened.splice(0)) addon.deviceDispose(device)
  // Programs nobody disposed of leave their files to the collector or the end of the process.
  rmSync(folder, { recursive: true })
  if (TMPDIR === undefined) delete process.env.TMPDIR
  else process.env.TMPDIR = TMPDIR
})

const opened: DeviceHandle[] = []
function open(faults = {}): DeviceHandle {
  const settings = JSON.stringify({ chip: 'm4', os: '26.2', faults })
  const device = addon.aneDeviceCreate(1, 21, false, 0, addon.simulatorPath, settings)
  opened.push(device)
  return device
}
const compile = (device: DeviceHandle, mil = text(1)) => addon.deviceCompile(device, mil, 'main', [], [], false, 'add')
const surfaceOf = (device?: DeviceHandle, columns = 64) => addon.surfaceCreate([1, 64, 1, columns], 'fp16', device)

async function ready() {
  const device = open()
  return { device, program: await compile(device), x: surfaceOf(device), y: surfaceOf(device) }
}

describe('objects of a Neural Engine, used after they are disposed,', () => {
  it.each(['program', 'device', 'x', 'y'] as const)('are errors that name what is gone (%s)', async (gone) => {
    const { device, program, x, y } = await ready()
    const schedule = addon.scheduleCreate(device)
    addon.scheduleRun(schedule, program, [x], [y])
    const dispose = () => {
      if (gone === 'program') addon.programDispose(program)
      else if (gone === 'device') addon.deviceDispose(device)
      else addon.surfaceDispose(gone === 'x' ? x : y)
    }
    dispose()
    dispose()
    const kind = { program: 'executable', device: 'device', x: 'surface', y: 'surface' }[gone]
    expect(() => addon.programRunSync(program, [x], [y])).toThrow(`Expected a live ${kind}`)
    expect(() => addon.scheduleExecuteSync(schedule, new Float64Array(1))).toThrow(new RegExp(`live ${kind}`))
    expect(() => addon.scheduleExecute(schedule, new Float64Array(1))).toThrow(new RegExp(`live ${kind}`))
    addon.programDispose(program)
    addon.deviceDispose(device)
    expect(() => compile(device)).toThrow('Expected a live device for device')
  })

  it('never matter to work that has begun, which ends or says why not', async () => {
    const { device, program, x, y } = await ready()
    const work = [compile(device, text(2)), addon.programRun(program, [x], [y]), compile(device, text(3))]
    addon.surfaceDispose(x)
    addon.programDispose(program)
    addon.deviceDispose(device)
    for (const result of await Promise.allSettled<unknown>(work)) {
      if (result.status === 'rejected') expect(result.reason).toHaveProperty('message', expect.stringMatching(/live/))
    }
  })
})

describe('any order of opening, compiling, running and disposing', () => {
  it.each([
    ['', 1, {}],
    ['', 2, {}],
    [' with faults', 3, { compile: [3], evaluate: [2, 9], surface: [7] }],
    [' with faults', 4, { compile: [1, 2], evaluate: [1, 3, 4], surface: [1, 5] }],
  ])('ends in results or errors%s (seed %i)', async (_, seed, faults) => {
    const result = await anyOrder(seed, faults)
    expect(result.unexpected).toEqual([])
    expect(result.runs).toBeGreaterThan(10)
  })
})

/** Two thousand random calls on at most a few objects of each kind, many of them disposed or of another device. */
async function anyOrder(seed: number, faults: object): Promise<{ runs: number; unexpected: unknown[] }> {
  let state = seed
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  const devices: DeviceHandle[] = [open(faults)]
  const surfaces: SurfaceHandle[] = []
  const programs: ProgramHandle[] = []
  const pending: Promise<unknown>[] = []
  const unexpected: unknown[] = []
  let runs = 0
  const note = (error: unknown) => {
    if (!(error instanceof Error)) unexpected.push(error)
  }
  const some = <T>(list: readonly T[]): T => list[random(list.length)]
  const keep = <T>(list: T[], one: T) => {
    list.push(one)
    if (list.length > 6) list.splice(random(6), 1)
  }
  const bound = (): [ProgramHandle, SurfaceHandle[], SurfaceHandle[]] => [
    some(programs),
    [some(surfaces)],
    [some(surfaces)],
  ]
  const calls = [
    () => keep(devices, random(4) > 0 ? open(faults) : addon.deviceCreate(1, true)),
    () => random(3) === 0 && addon.deviceDispose(some(devices)),
    () => keep(surfaces, surfaceOf(random(6) > 0 ? some(devices) : undefined, random(9) > 0 ? 64 : 32)),
    () => random(4) === 0 && addon.surfaceDispose(some(surfaces)),
    () => random(4) === 0 && addon.programDispose(some(programs)),
    () => pending.push(compile(some(devices), text(random(9))).then((one) => keep(programs, one), note)),
    () => pending.push(addon.programRun(...bound()).then(() => runs++, note)),
    () => addon.programRunSync(...bound()) >= 0 && runs++,
    () => {
      const schedule = addon.scheduleCreate(some(devices))
      const [program, inputs, outputs] = bound()
      addon.scheduleRun(schedule, program, inputs, outputs)
      pending.push(addon.scheduleExecute(schedule, new Float64Array(1)).then(() => runs++, note))
    },
  ]
  for (let i = 0; i < 2000; i++) {
    try {
      some(calls)()
    } catch (error) {
      note(error)
    }
    if (random(8) === 0) await Promise.all(pending.splice(0, random(4)))
  }
  await Promise.all(pending)
  return { runs, unexpected }
}
