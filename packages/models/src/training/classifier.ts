/**
 * The host's part of the model: token embedding before the programs, final norm, classifier and loss after them.
 *
 * Logits, norm and loss are fp32 with sums in fp32 or wider, logits never all at once; the tables are read as the device would (fp16-rounded when the
 * programs are fp16). Legend: `S` columns, `C` hidden_size, `V` vocabulary, `N` classifier rows (V, or the compact vocabulary).
 */
import { type Device, type Schedule, transposed, type View, view } from '@ane/runtime'
import type { ModelConfig } from '../config.js'
import type { ModelDtype } from '../graph.js'
import type { GradientPass } from './gradients.js'
import type { Parameters } from './parameters.js'

const EMBEDDING = 'model.embed_tokens.weight'
const NORM = 'model.norm.weight'

const host = (label: string) => ({ label, group: 'host' })

/** Classifier rows per block of logits: wide enough that products run at full speed, small enough for a cache. */
const BLOCK_ROWS = 2048
const BLOCK_ELEMENTS = 2 ** 20
/** Logits kept from the loss to its gradient; those of further blocks are computed twice. 128 MiB. */
const KEPT_ELEMENTS = 2 ** 25

/** Blocks of logits `[S, width]` a training step holds at a time for `rows` classifier rows. */
export function logitBlocks(columns: number, rows: number): { readonly blocks: number; readonly width: number } {
  const width = Math.min(rows, BLOCK_ROWS, Math.max(256, Math.floor(BLOCK_ELEMENTS / columns)))
  const blocks = Math.min(Math.ceil(rows / width), Math.max(1, Math.floor(KEPT_ELEMENTS / (columns * width))))
  return { blocks, width }
}

/** What the classifier works on. */
export interface ClassifierOptions {
  readonly config: ModelConfig
  readonly dtype: ModelDtype
  readonly columns: number
  readonly parameters: Parameters
  /** Token ids the classifier is limited to. */
  readonly compactVocabulary?: Int32Array
}

/** Embedding, final norm, classifier and loss as schedule entries, with the buffers they need. */
export class Classifier {
  readonly tokens: Int32Array
  /** Classifier rows, or negative to ignore. */
  readonly targets: Int32Array
  /** Sum of losses and number of targets. */
  readonly loss = new Float64Array(2)
  /** Loss scale of the next backward pass. */
  readonly scale = new Float64Array(1)
  /** Number of classifier rows. */
  readonly rows: number
  readonly #options: ClassifierOptions
  readonly #embedding: View
  readonly #head: View
  readonly #headName: string
  readonly #table: View
  readonly #normed: View
  readonly #dnormed: View
  readonly #rrms: View
  readonly #logits: View
  readonly #dtable?: View
  readonly #ids?: View

  constructor(device: Device, options: ClassifierOptions) {
    const { config, dtype, columns: S, parameters, compactVocabulary } = options
    const C = config.hidden_size
    this.#options = options
    this.rows = compactVocabulary?.length ?? config.vocab_size
    this.tokens = new Int32Array(S)
    this.targets = new Int32Array(S).fill(-1)
    const { blocks, width } = logitBlocks(S, this.rows)
    this.#logits = view(new Float32Array(blocks * S * width), { rows: blocks * S, cols: width })
    this.#headName = config.tie_word_embeddings ? EMBEDDING : 'lm_head.weight'
    this.#embedding = parameters.hostTable(device, EMBEDDING, dtype)
    this.#table = config.tie_word_embeddings ? this.#embedding : parameters.hostTable(device, this.#headName, dtype)
    this.#head = this.#table
    this.#normed = view(new Float32Array(C * S), { rows: C, cols: S })
    this.#dnormed = view(new Float32Array(C * S), { rows: C, cols: S })
    this.#rrms = view(new Float32Array(S), { rows: 1, cols: S })
    if (compactVocabulary !== undefined) {
      const N = this.rows
      const surface = device.createSurface([1, N, 1, C], dtype, 'compact classifier')
      this.#head = view(surface, { rows: N, cols: C })
      this.#dtable = view(new Float32Array(N * C), { rows: N, cols: C })
      this.#ids = view(compactVocabulary, { rows: 1, cols: N })
    }
  }

  /** Names of the tables of tokens, which every token has its own rows of. */
  get tables(): ReadonlySet<string> {
    return new Set([EMBEDDING, this.#headName])
  }

  #row(array: Int32Array | Float64Array): View {
    return view(array, { rows: 1, cols: array.length })
  }

  /** Records the embedding of the tokens into `x` [C, S]. */
  recordEmbedding(schedule: Schedule, x: View): void {
    const operands = { tokens: this.#row(this.tokens), table: this.#embedding, out: x }
    schedule.kernel('embedding', operands, host('embedding'))
  }

  /**
   * Records the embedding of the tokens into `x` [C, S] as it will be after the next update, which none of it waits for.
   * Takes five rows of `C` a token.
   */
  recordUpdatedEmbedding(schedule: Schedule, x: View): void {
    const { dtype, config, parameters } = this.#options
    const [S, C] = [this.tokens.length, config.hidden_size]
    const table = view(dtype === 'fp16' ? new Uint16Array(S * C) : new Float32Array(S * C), { rows: S, cols: C })
    parameters.recordUpdatedRows(schedule, EMBEDDING, this.#row(this.tokens), table)
    const operands = { tokens: this.#row(Int32Array.from({ length: S }, (_, i) => i)), table, out: x }
    schedule.kernel('embedding', operands, host('updated embedding'))
  }

  /** Records the final norm of `x` [C, S], which loss and logits read. */
  recordNorm(schedule: Schedule, x: View): void {
    const { config, parameters } = this.#options
    if (this.#ids !== undefined) {
      const operands = { ids: this.#ids, table: this.#table, out: this.#head }
      schedule.kernel('gather_rows', operands, { label: 'compact classifier', group: 'staging' })
    }
    const weight = parameters.viewOf(parameters.values, NORM)
    const norm = { in: x, weight, out: this.#normed, rrms: this.#rrms, eps: config.rms_norm_eps }
    schedule.kernel('rmsnorm', norm, host('final norm'))
  }

  /** Records the logits into `out` [S, N]. */
  recordLogits(schedule: Schedule, out: View): void {
    const operands = { a: transposed(this.#normed), b: transposed(this.#head), out, accumulate: 0 }
    schedule.kernel('gemm', operands, host('logits'))
  }

  /** Records the loss alone. */
  recordLoss(schedule: Schedule): void {
    schedule.kernel('classifier_loss', { ...this.#lossOperands, accumulate: 0 }, host('loss'))
  }

  /** Records loss, gradients of classifier and final norm, and that of the norm's input `x` into `dx` [C, S]. */
  recordBackward(schedule: Schedule, gradients: GradientPass, x: View, dx: View): void {
    const { parameters } = this.#options
    const loss = { ...this.#lossOperands, din: this.#dnormed }
    const label = host('loss and classifier gradient')
    if (this.#dtable !== undefined && this.#ids !== undefined) {
      schedule.kernel('classifier_loss', { ...loss, dtable: this.#dtable, accumulate: 0 }, label)
      const scatter = { ids: this.#ids, in: this.#dtable, table: gradients.rows(this.#headName) }
      schedule.kernel('scatter_add_rows', scatter, host('compact classifier gradient'))
      gradients.recordSquares(schedule, this.#headName, this.#ids)
    } else {
      const { gradient: dtable, accumulate } = gradients.whole(this.#headName)
      const squares = gradients.squares(this.#headName)
      schedule.kernel('classifier_loss', { ...loss, dtable, ...(squares && { squares }), accumulate }, label)
    }
    const norm = gradients.whole(NORM)
    const operands = {
      in: x,
      weight: parameters.viewOf(parameters.values, NORM),
      rrms: this.#rrms,
      dout: this.#dnormed,
      din: dx,
      dweight: norm.gradient,
      accumulate: norm.accumulate,
    }
    schedule.kernel('rmsnorm_backward', operands, host('final norm gradient'))
    gradients.recordSquares(schedule, NORM)
  }

  get #lossOperands(): Record<string, View> {
    return {
      in: this.#normed,
      table: this.#head,
      targets: this.#row(this.targets),
      loss: this.#row(this.loss),
      scale: this.#row(this.scale),
      logits: this.#logits,
    }
  }

  /** Records the embedding's gradient from `dx` [C, S]. */
  recordEmbeddingBackward(schedule: Schedule, gradients: GradientPass, dx: View): void {
    const dtable = gradients.rows(EMBEDDING)
    const tokens = this.#row(this.tokens)
    schedule.kernel('embedding_backward', { tokens, dout: dx, dtable }, host('embedding gradient'))
    gradients.recordSquares(schedule, EMBEDDING, tokens)
  }
}
