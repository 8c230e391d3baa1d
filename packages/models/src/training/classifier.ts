/**
 * The host's part of the model: token embedding before the programs, final norm, classifier and loss after them.
 *
 * Logits, norm and loss are fp32 with sums in fp32 or wider; the tables are read as the device would (fp16-rounded when the
 * programs are fp16). Legend: `S` columns, `C` hidden_size, `V` vocabulary, `N` classifier rows (V, or the compact vocabulary).
 */
import { type Device, type Schedule, transposed, type View, view } from '@ane/runtime'
import type { ModelConfig } from '../config.js'
import type { ModelDtype } from '../graph.js'
import type { GradientPass } from './gradients.js'
import type { Parameters } from './parameters.js'

const EMBEDDING = 'model.embed_tokens.weight'
const NORM = 'model.norm.weight'

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
  /** `[S, N]`; holds d loss / d logits after the backward entries. */
  readonly logits: Float32Array
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
  readonly #dtable?: View
  readonly #ids?: View

  constructor(device: Device, options: ClassifierOptions) {
    const { config, dtype, columns: S, parameters, compactVocabulary } = options
    const C = config.hidden_size
    this.#options = options
    this.rows = compactVocabulary?.length ?? config.vocab_size
    this.tokens = new Int32Array(S)
    this.targets = new Int32Array(S).fill(-1)
    this.logits = new Float32Array(S * this.rows)
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

  get #logitsView(): View {
    return view(this.logits, { rows: this.#options.columns, cols: this.rows })
  }

  #row(array: Int32Array | Float64Array): View {
    return view(array, { rows: 1, cols: array.length })
  }

  /** Records the embedding of the tokens into `x` [C, S]. */
  recordEmbedding(schedule: Schedule, x: View): void {
    const operands = { tokens: this.#row(this.tokens), table: this.#embedding, out: x }
    schedule.kernel('embedding', operands, { label: 'embedding', group: 'host' })
  }

  /** Records final norm and logits from `x` [C, S]. */
  recordLogits(schedule: Schedule, x: View): void {
    const { config, parameters } = this.#options
    if (this.#ids !== undefined) {
      const operands = { ids: this.#ids, table: this.#table, out: this.#head }
      schedule.kernel('gather_rows', operands, { label: 'compact classifier', group: 'staging' })
    }
    const weight = parameters.viewOf(parameters.values, NORM)
    const norm = { in: x, weight, out: this.#normed, rrms: this.#rrms, eps: config.rms_norm_eps }
    schedule.kernel('rmsnorm', norm, { label: 'final norm', group: 'host' })
    const gemm = { a: transposed(this.#normed), b: transposed(this.#head), out: this.#logitsView, accumulate: 0 }
    schedule.kernel('gemm', gemm, { label: 'logits', group: 'host' })
  }

  /** Records the loss; with `backward`, the logits become their own gradients. */
  recordLoss(schedule: Schedule, backward: boolean): void {
    const operands = {
      logits: this.#logitsView,
      targets: this.#row(this.targets),
      loss: this.#row(this.loss),
      scale: this.#row(this.scale),
      backward: backward ? 1 : 0,
    }
    schedule.kernel('cross_entropy', operands, { label: 'loss', group: 'host' })
  }

  /** Records the gradients of classifier and final norm, and that of their input `x` into `dx` [C, S]. */
  recordBackward(schedule: Schedule, gradients: GradientPass, x: View, dx: View): void {
    const { parameters } = this.#options
    const dlogits = this.#logitsView
    const host = (label: string) => ({ label, group: 'host' })
    const weightGradient = { a: transposed(dlogits), b: transposed(this.#normed) }
    if (this.#dtable !== undefined && this.#ids !== undefined) {
      schedule.kernel('gemm', { ...weightGradient, out: this.#dtable, accumulate: 0 }, host('classifier gradient'))
      const scatter = { ids: this.#ids, in: this.#dtable, table: gradients.rows(this.#headName) }
      schedule.kernel('scatter_add_rows', scatter, host('compact classifier gradient'))
    } else {
      const { gradient, accumulate } = gradients.whole(this.#headName)
      schedule.kernel('gemm', { ...weightGradient, out: gradient, accumulate }, host('classifier gradient'))
    }
    const input = { a: dlogits, b: this.#head, out: transposed(this.#dnormed), accumulate: 0 }
    schedule.kernel('gemm', input, host('final norm output gradient'))
    const { gradient: dweight, accumulate } = gradients.whole(NORM)
    const norm = {
      in: x,
      weight: parameters.viewOf(parameters.values, NORM),
      rrms: this.#rrms,
      dout: this.#dnormed,
      din: dx,
      dweight,
      accumulate,
    }
    schedule.kernel('rmsnorm_backward', norm, host('final norm gradient'))
  }

  /** Records the embedding's gradient from `dx` [C, S]. */
  recordEmbeddingBackward(schedule: Schedule, gradients: GradientPass, dx: View): void {
    const dtable = gradients.rows(EMBEDDING)
    const operands = { tokens: this.#row(this.tokens), dout: dx, dtable }
    schedule.kernel('embedding_backward', operands, { label: 'embedding gradient', group: 'host' })
  }
}
