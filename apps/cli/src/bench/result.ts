/** What every benchmark prints with `--json` and saves as a baseline. */
import { z } from 'zod'

const sample = z.number().nonnegative()
const samples = z.array(sample).min(1)

const measurement = z.object({
  name: z.string(),
  /** Times and bytes are better when less, rates when more. */
  unit: z.enum(['ms', 'FLOP/s', 'OP/s', 'B/s', 'B']),
  samples,
  /** Floating-point operations of one sample; a multiply-add counts two. */
  flops: z.number().positive().optional(),
  /** Bytes that one sample has to read from memory at least. */
  reads: z.number().positive().optional(),
  /** Bytes that one sample has to write to memory at least. */
  writes: z.number().positive().optional(),
  /** Tokens one sample handles. */
  tokens: z.number().positive().optional(),
  /** How often a training step does this, where it is one of its products. */
  per_step: z.number().positive().optional(),
})

/** What bounds the work, measured in the same run on as many threads. */
const limits = z.object({
  /** Multiply-adds of the type the products use. */
  flops: z.object({ dtype: z.enum(['fp32', 'bf16']), samples }).optional(),
  /** Bytes per second that memory reads. */
  read: samples.optional(),
  /** Bytes per second that memory reads plus those it writes, when one half is written. */
  copy: samples.optional(),
})

const machine = z.object({
  cpu: z.string(),
  cores: z.number(),
  isas: z.array(z.string()),
  memory_bytes: z.number(),
  platform: z.string(),
  node: z.string(),
  commit: z.string().nullable(),
})

export const benchFile = z.object({
  schema: z.literal('ane-bench'),
  schema_version: z.literal(1),
  bench: z.enum(['step', 'gemm', 'decode', 'optim', 'peak', 'memory']),
  settings: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  machine,
  device: z.object({ kind: z.string(), summary: z.string() }),
  limits,
  /** Counts and sizes that do not vary. */
  facts: z.record(z.string(), z.number()),
  measurements: z.array(measurement).min(1),
})

export type Measurement = z.infer<typeof measurement>
export type Limits = z.infer<typeof limits>
export type BenchResult = z.infer<typeof benchFile>

/** What a benchmark measured; the rest of its result is the same for all. */
export type Findings = Pick<BenchResult, 'device' | 'limits' | 'facts' | 'measurements'>
