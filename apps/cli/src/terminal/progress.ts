import {
  type EvalEvent,
  formatBytes,
  formatCount,
  formatDuration,
  type StepEvent,
  StepTimer,
  type TelemetryEvent,
} from '@ane/telemetry'
import { isInteractive, print, style } from './output.js'

/** Shows a run: a live line on a terminal, a line now and then elsewhere. */
export class Progress {
  readonly #timer = new StepTimer()
  readonly #live = isInteractive()
  #lastLine = 0
  #lastEval: number | null = null

  constructor(readonly maxSteps: number) {}

  show(event: TelemetryEvent): void {
    switch (event.type) {
      case 'step':
        this.#step(event)
        break
      case 'eval':
        this.#line(this.#evalText(event))
        break
      case 'checkpoint':
        this.#line(style('dim', `saved ${event.path} (${event.reason})`))
        break
      case 'warning':
        this.#line(style('yellow', `warning: ${event.message}`))
        break
      case 'start':
      case 'end':
        break
      default:
        event satisfies never
    }
  }

  /** Ends the live line. */
  close(): void {
    if (this.#live) process.stdout.write('\r\u001b[K')
  }

  #step(event: StepEvent): void {
    this.#timer.add(event['perf/step_ms'])
    const text = this.#stepText(event)
    if (this.#live) {
      process.stdout.write(`\r\u001b[K${text.slice(0, (process.stdout.columns ?? 120) - 1)}`)
      return
    }
    const now = Date.now()
    if (event.step !== 1 && event.step !== this.maxSteps && now - this.#lastLine < 5000) return
    this.#lastLine = now
    print(text)
  }

  #stepText(event: StepEvent): string {
    const percent = Math.floor((100 * event.step) / this.maxSteps)
    const evalText = this.#lastEval === null ? '' : ` | val ${this.#lastEval.toFixed(4)}`
    return [
      `step ${String(event.step).padStart(String(this.maxSteps).length)}/${this.maxSteps} ${String(percent).padStart(3)}%`,
      `loss ${event['train/loss'].toFixed(4)} (smoothed ${event['train/loss_smoothed'].toFixed(4)})${evalText}`,
      `lr ${event['train/learning_rate'].toExponential(2)}`,
      `${event['perf/step_ms'].toFixed(event['perf/step_ms'] < 100 ? 1 : 0)} ms`,
      `${formatCount(event['perf/tokens_per_second'])} tok/s`,
      `${formatCount(event['perf/flops_per_second'])}FLOP/s`,
      formatBytes(event['perf/rss_bytes']),
      `ETA ${formatDuration(this.#timer.remaining(this.maxSteps - event.step))}`,
    ].join(' | ')
  }

  #evalText(event: EvalEvent): string {
    this.#lastEval = event['eval/loss']
    const best = event['eval/best'] ? ', best so far' : ''
    return style(
      'cyan',
      `step ${event.step}: validation loss ${event['eval/loss'].toFixed(4)}, perplexity ${event['eval/perplexity'].toFixed(2)}${best}`,
    )
  }

  #line(text: string): void {
    this.close()
    print(text)
  }
}
