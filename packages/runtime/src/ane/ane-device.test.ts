import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildProgram, print } from '@ane/mil'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AneError, aneStatistics, type Device, type DeviceOptions, openDevice, type Surface } from '../index.js'
import { runSmokeProgram } from './smoke-program.js'

const shape = [1, 64, 1, 64]

/** y = x + c. */
function addText(c: number): string {
  const { program } = buildProgram({ name: 'main' }, (b) => {
    b.output(b.op('add', { x: b.input('x', 'fp16', shape), y: c }), 'y')
  })
  return print(program)
}

/** y = x + w with w [1, 64, 1, 64] in a weight file. */
function weightedProgram(w: number): { text: string; blobs: Map<string, Uint8Array> } {
  const { program, blobs } = buildProgram({ name: 'main' }, (b) => {
    const weight = b.constant('fp16', shape, new Float32Array(4096).fill(w), {
      name: 'w',
      path: '@model_path/weights/w.bin',
    })
    b.output(b.op('add', { x: b.input('x', 'fp16', shape), y: weight }), 'y')
  })
  return { text: print(program), blobs: new Map(blobs) }
}

const failureOf = (work: Promise<unknown>): Promise<AneError> =>
  work.then(
    () => expect.unreachable(),
    (error) => error,
  )

describe('ane-sim', () => {
  let folder: string
  const { TMPDIR } = process.env
  const devices: Device[] = []

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ane-device-'))
    process.env.TMPDIR = folder
  })
  afterEach(() => {
    for (const device of devices.splice(0)) device.dispose()
    const left = readdirSync(folder).filter((name) => name !== 'dump')
    rmSync(folder, { recursive: true })
    if (TMPDIR === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = TMPDIR
    expect(left).toEqual([])
  })

  async function open(options: DeviceOptions = {}): Promise<Device> {
    const device = await openDevice('ane-sim', { threads: 1, ...options })
    devices.push(device)
    return device
  }
  function surfaces(device: Device, value: number): { x: Surface; y: Surface } {
    const [x, y] = ['x', 'y'].map((name) => device.createSurface(shape, 'fp16', name))
    x.write(new Float32Array(4096).fill(value))
    return { x, y }
  }

  it('describes the chip it simulates', async () => {
    const device = await open({ chip: 'M1-Pro', os: '14.5' })
    expect(device.description).toMatchObject({ kind: 'ane-sim', math: 'exact', threads: 1, isa: 'h13g' })
    expect(device.description.summary).toBe('Neural Engine simulator, M1-PRO, macOS 14.5, 1 host thread')
    expect(device.description.target).toEqual({ chip: 'm1-pro', os: '14.5' })
  })

  it.each(['m1', 'm2', 'm3', 'm4', 'm5'])('runs the smoke program on %s', async (chip) => {
    await runSmokeProgram(await open({ chip }))
  })

  it('counts compiles, shared programs, runs and surfaces', async () => {
    const device = await open()
    const [first, second] = [await device.compile(addText(1)), await device.compile(addText(1))]
    const { x, y } = surfaces(device, 2)
    await first.run({ x }, { y })
    second.runSync({ x }, { y })
    expect(y.toFloat32().every((value) => value === 3)).toBe(true)
    const statistics = aneStatistics(device)
    expect(statistics).toMatchObject({
      compiles: 1,
      cacheHits: 1,
      loads: 1,
      livePrograms: 1,
      evaluations: 2,
      requests: 2,
      stagedCopies: 0,
      nearCompileLimit: false,
      hardwareMs: null,
    })
    expect(statistics?.simulator).toMatchObject({ simulated: true, chip: 'm4', compiles: 1, error_count: 0 })
    expect(aneStatistics(await openDevice('reference'))).toBeUndefined()
  })

  it('gives other numbers after a weight changed, and the old ones on the old program', async () => {
    const device = await open()
    const { x, y } = surfaces(device, 1)
    const [before, after] = [weightedProgram(2), weightedProgram(4)]
    const old = await device.compile(before.text, { blobs: before.blobs })
    const recompiling = device.compile(after.text, { blobs: after.blobs })
    old.runSync({ x }, { y })
    expect(y.toFloat32()[77]).toBe(3)
    const fresh = await recompiling
    fresh.runSync({ x }, { y })
    expect(y.toFloat32()[77]).toBe(5)
    old.runSync({ x }, { y })
    expect(y.toFloat32()[77]).toBe(3)
    old.dispose()
    await fresh.run({ x }, { y })
    expect(y.toFloat32()[77]).toBe(5)
  })

  it('asks for hardware times and says when there are none', async () => {
    const device = await open({ perfStats: true, qos: 9 })
    const { x, y } = surfaces(device, 2)
    await (await device.compile(addText(1))).run({ x }, { y })
    expect(y.toFloat32()[0]).toBe(3)
    const { hardwareMs } = aneStatistics(device)!
    expect(hardwareMs === null || hardwareMs > 0).toBe(true)
  })

  it('simulates one chip at a time', async () => {
    const device = await open({ chip: 'm4' })
    await open({ chip: 'm4' })
    await expect(openDevice('ane-sim', { chip: 'm1' })).rejects.toThrow('Expected one simulated chip per process')
    for (const each of [device, ...devices]) each.dispose()
    await open({ chip: 'm1' })
  })

  it('says which limits a refused program breaks, in which line, and where its text is', async () => {
    const dumpFolder = join(folder, 'dump')
    const device = await open({ chip: 'm5', dumpFolder })
    const { program } = buildProgram({ name: 'main' }, (b) =>
      b.output(b.rsqrt({ x: b.input('x', 'fp16', shape) }), 'y'),
    )
    const text = print(program)
    const failure = await failureOf(device.compile(text, { name: 'roots' }))
    expect(failure.code).toBe('ANE_COMPILE_FAILED')
    expect(failure.message).toContain('refused roots: ')
    expect(failure.message).toMatch(
      / It breaks limit C-24 of m5 with macOS 26\.3 \(\w+, line \d+\): Expected .*, got rsqrt/,
    )
    const file = join(dumpFolder, 'roots.mil')
    expect(failure.message.endsWith(`The program is in ${file}.`)).toBe(true)
    expect(readFileSync(file, 'utf8')).toBe(text)
  })

  it('names the option of lower that repairs a refused program', async () => {
    const device = await open({ chip: 'm5', faults: { compile: [1] } })
    const { program } = buildProgram({ name: 'main' }, (b) =>
      b.output(b.sigmoid({ x: b.input('x', 'fp16', [1, 64, 1, 48]) }), 'y'),
    )
    const failure = await failureOf(device.compile(print(program)))
    expect(failure.message).toMatch(/limit C-53 of m5 .*, or pad\. lower does with widths: 'pad'\./)
  })

  it('says why a refused text is no program', async () => {
    const failure = await failureOf((await open()).compile('program(1.3)\n{ oops }', { name: 'oops' }))
    expect(failure.code).toBe('ANE_COMPILE_FAILED')
    expect(failure.message).toContain('The text cannot be read: ')
  })

  describe('faults', () => {
    it('of the compiler carry its words, the name of the program and where its text is', async () => {
      const dumpFolder = join(folder, 'dump')
      const device = await open({ os: '15.1', faults: { compile: [1] }, dumpFolder })
      const failure = await failureOf(device.compile(addText(1), { name: 'layer 0 forward' }))
      expect(failure).toBeInstanceOf(AneError)
      expect(failure.code).toBe('ANE_COMPILE_FAILED')
      expect(failure.message).toContain('refused layer 0 forward: _ANECompiler : ANECCompile() FAILED')
      const file = join(dumpFolder, 'layer_0_forward.mil')
      expect(failure.message).toContain(`The program is in ${file}.`)
      expect(failure.message).toContain('It breaks no known limit of m4 with macOS 15.1.')
      expect(failure.stack).toContain('ane-device.test.ts')
      expect(readFileSync(file, 'utf8')).toBe(addText(1))
      await device.compile(addText(1))
    })

    it('of an evaluation stop a schedule, which runs again', async () => {
      const device = await open({ faults: { evaluate: [1] } })
      const { x, y } = surfaces(device, 2)
      const program = await device.compile(addText(1), { name: 'add one' })
      const schedule = device.createSchedule().run(program, { x }, { y })
      const failure = await failureOf(schedule.execute())
      expect(failure).toMatchObject({ name: 'AneError', code: 'ANE_EVAL_FAILED' })
      expect(failure.message).toMatch(/failed to run add one: .*0x1d/)
      await schedule.execute()
      expect(y.toFloat32()[0]).toBe(3)
    })

    it('of the system are errors of the call that met them', async () => {
      const device = await open({ faults: { surface: [2] } })
      device.createSurface(shape, 'fp16')
      expect(() => device.createSurface(shape, 'fp16')).toThrow(AneError)
      device.createSurface(shape, 'fp16')
      device.dispose()
      const selector = 'compileWithQoS:options:error:'
      const missing = await failureOf(openDevice('ane-sim', { faults: { missingSelector: selector } }))
      expect(missing).toMatchObject({ code: 'ANE_UNAVAILABLE' })
      expect(missing.message).toContain(`-[_ANEInMemoryModel ${selector}]`)
      const none = await failureOf(openDevice('ane-sim', { faults: { missingFramework: true } }))
      expect(none).toMatchObject({ code: 'ANE_UNAVAILABLE' })
      expect(none.message).toContain('_ANEInMemoryModelDescriptor')
    })

    it('of a spent compile budget have a code of their own', async () => {
      const device = await open({ compileLimit: 2 })
      await device.compile(addText(1))
      await device.compile(addText(2))
      expect(await failureOf(device.compile(addText(3)))).toMatchObject({ code: 'ANE_COMPILE_LIMIT' })
      const { x, y } = surfaces(device, 2)
      await (await device.compile(addText(2))).run({ x }, { y })
      expect(y.toFloat32()[0]).toBe(4)
    })
  })

  it('refuses options it does not have and values that make no sense', async () => {
    await expect(openDevice('ane-sim', { chip: 'm9' })).rejects.toThrow(RangeError)
    await expect(openDevice('ane-sim', { os: 'Sequoia' })).rejects.toThrow('Expected a macOS version')
    await expect(openDevice('ane-sim', { chip: 'm5', os: '15.7' })).rejects.toThrow('macOS 26 or newer for os of m5')
    await expect(openDevice('ane-sim', { math: 'fast' })).rejects.toThrow('Expected exact for math, got fast.')
    await expect(openDevice('ane-sim', { qos: 64 })).rejects.toThrow('Expected an integer from 0 to 63 for qos')
    await expect(openDevice('ane-sim', { faults: { compile: [0] } })).rejects.toThrow('faults.compile')
    await expect(openDevice('ane-sim', { faults: { load: [1] } as never })).rejects.toThrow('for a fault, got load.')
    await expect(openDevice('ane-sim', { loadLimit: -1 })).rejects.toThrow('for loadLimit, got -1.')
    await expect(openDevice('ane-sim', { strict: 'C-21' as never })).rejects.toThrow('ids of limits for strict')
    await expect(openDevice('cpu', { chip: 'm4' })).rejects.toThrow(
      'Expected threads or math for an option of the device cpu, got chip.',
    )
    await expect(openDevice('ane', { chip: 'm4' })).rejects.toThrow('got chip.')
  })
})

describe.skipIf(process.platform === 'darwin')('ane, where there is none', () => {
  it('says why', async () => {
    const failure = await failureOf(openDevice('ane'))
    expect(failure).toMatchObject({ name: 'AneError', code: 'ANE_UNAVAILABLE' })
    expect(failure.message).toMatch(
      /needs macOS on Apple silicon, this is \w+ \w+\. Its simulator runs here: ane-sim\.$/,
    )
  })

  it('leaves auto on the CPU engine', async () => {
    const device = await openDevice('auto', { threads: 1, dumpFolder: '/nowhere' })
    expect(device.description.kind).toBe('cpu')
    expect(existsSync('/nowhere')).toBe(false)
    device.dispose()
  })
})
