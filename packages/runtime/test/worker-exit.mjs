/** Ends a worker, and then the process, in the middle of native work. Run as: node worker-exit.mjs <path of the addon entry> */
import { createRequire } from 'node:module'
import { isMainThread, Worker } from 'node:worker_threads'

const addon = createRequire(import.meta.url)(process.argv[2])
const size = 1200

const square = () => ({
  of: new Float32Array(size * size),
  rows: size,
  cols: size,
  offset: 0,
  rowStride: size,
  colStride: 1,
})

const work = async () => {
  const schedule = addon.scheduleCreate(addon.deviceCreate(1, true))
  const operands = ['a', 'b', 'out'].map((name) => [name, [square()]])
  addon.scheduleKernel(schedule, 'gemm', [...operands, ['accumulate', 0]], [])
  for (;;) await addon.scheduleExecute(schedule, new Float64Array(1))
}

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) })
  setTimeout(() => worker.terminate(), 200)
  setTimeout(() => process.exit(7), 500)
}
work()
