import type { TrainStep } from '@ane/models'
import type { TokenSource } from './token-source.js'

/** The mean loss over fixed windows, with the forward half of the training step. */
export class Evaluation {
  readonly #window: Int32Array

  constructor(
    private readonly trainStep: TrainStep,
    private readonly tokens: TokenSource,
    private readonly starts: readonly number[],
    private readonly shape: { batchSize: number; seqLen: number },
  ) {
    this.#window = new Int32Array(shape.seqLen + 1)
  }

  /** @returns mean cross-entropy in nats over `count` targets */
  async run(): Promise<{ loss: number; count: number }> {
    const { batchSize, seqLen } = this.shape
    let sum = 0
    let count = 0
    for (let first = 0; first < this.starts.length; first += batchSize) {
      // Rows beyond the last window stay in the batch but have no targets.
      this.trainStep.targets.fill(-1)
      for (let row = 0; row < batchSize && first + row < this.starts.length; row++) {
        this.tokens.read(this.starts[first + row], this.#window)
        this.trainStep.tokens.set(this.#window.subarray(0, seqLen), row * seqLen)
        this.trainStep.targets.set(this.#window.subarray(1), row * seqLen)
      }
      const batch = await this.trainStep.evaluate()
      sum += batch.loss * batch.count
      count += batch.count
    }
    return { loss: sum / count, count }
  }
}
