/** Figures other projects published; quoted, not measured here. */

/** Training speed of Stories110M (109.53 M parameters, 256 tokens a step) unless `model` says otherwise. */
export interface PublishedTraining {
  readonly chip: string
  /** macOS version; empty where not reported. */
  readonly os: string
  readonly model: string
  readonly pipeline: string
  /** Milliseconds per step; the middle of a reported range. */
  readonly ms: number
  readonly source: string
}

const stories = 'Stories110M'
const qwen = 'Qwen3-0.6B shapes'

export const publishedTraining: readonly PublishedTraining[] = [
  { chip: 'm1-pro', os: '15.0', model: stories, pipeline: 'static', ms: 155.5, source: 'maderix/ANE community report' },
  {
    chip: 'm1-pro',
    os: '26.2',
    model: stories,
    pipeline: 'static, 500 accumulation steps',
    ms: 168.7,
    source: 'maderix/ANE issue 24',
  },
  { chip: 'm1-max', os: '15.6.1', model: stories, pipeline: 'static', ms: 155, source: 'maderix/ANE community report' },
  { chip: 'm3-ultra', os: '', model: stories, pipeline: 'static', ms: 91, source: 'maderix/ANE community report' },
  { chip: 'm3-max', os: '15.3', model: stories, pipeline: 'static', ms: 107.2, source: 'maderix/ANE PR 21' },
  { chip: 'm3-max', os: '15.4', model: stories, pipeline: 'static', ms: 82.9, source: 'maderix/ANE PR 21' },
  {
    chip: 'm3-pro',
    os: '',
    model: stories,
    pipeline: 'ane-training, pipelined',
    ms: 80.9,
    source: 'slavko ane-training docs',
  },
  { chip: 'm4', os: '', model: stories, pipeline: 'static', ms: 107, source: 'maderix/ANE issue 3' },
  {
    chip: 'm4',
    os: '',
    model: stories,
    pipeline: 'static, ANE extras',
    ms: 91.8,
    source: 'maderix/ANE training README',
  },
  {
    chip: 'm4',
    os: '',
    model: stories,
    pipeline: 'static, no ANE extras',
    ms: 147,
    source: 'maderix/ANE training README',
  },
  { chip: 'm4', os: '', model: stories, pipeline: 'dynamic', ms: 111, source: 'maderix/ANE training README, 20 steps' },
  {
    chip: 'm4',
    os: '',
    model: stories,
    pipeline: 'ane-training, pipelined',
    ms: 71.8,
    source: 'slavko ane-training docs',
  },
  { chip: 'm4-pro', os: '', model: stories, pipeline: 'static', ms: 72.5, source: 'maderix/ANE community report' },
  { chip: 'm4-max', os: '', model: stories, pipeline: 'static', ms: 64, source: 'maderix/ANE community report' },
  { chip: 'm4-max', os: '15', model: stories, pipeline: 'Orion, full recompile', ms: 5108, source: 'Orion results' },
  { chip: 'm4-max', os: '15', model: stories, pipeline: 'Orion, delta', ms: 1345, source: 'Orion results' },
  { chip: 'm5', os: '26.3', model: stories, pipeline: 'static', ms: 110.5, source: 'maderix/ANE community report' },
  { chip: 'm5-max', os: '26.4.1', model: stories, pipeline: 'dynamic', ms: 73.5, source: 'maderix/ANE PR 50' },
  { chip: 'm4', os: '', model: qwen, pipeline: 'dynamic', ms: 412, source: 'maderix/ANE' },
  { chip: 'm5-max', os: '', model: qwen, pipeline: 'dynamic', ms: 320, source: 'maderix/ANE' },
]

/** Throughput of stacked 1×1 convolutions, fp16 unless `program` says otherwise. */
export interface PublishedPeak {
  readonly chip: string
  readonly os: string
  readonly program: string
  readonly tflops: number
  readonly source: string
}

const stack128 = '128 conv 512ch, 64 columns'

export const publishedPeak: readonly PublishedPeak[] = [
  { chip: 'm3-pro', os: '15.7.4', program: stack128, tflops: 9.98, source: 'maderix/ANE community report' },
  {
    chip: 'm3-pro',
    os: '15.7.4',
    program: '128 conv 512ch, 2048 columns',
    tflops: 16.77,
    source: 'maderix/ANE community report',
  },
  {
    chip: 'm3-ultra',
    os: '15.7.4',
    program: '96 conv 512ch, 64 columns',
    tflops: 8.47,
    source: 'maderix/ANE issue 42',
  },
  { chip: 'm4', os: '', program: '32 conv 512ch, 64 columns', tflops: 6.73, source: 'maderix/ANE issue 3' },
  { chip: 'm4', os: '', program: '64 conv 512ch, 64 columns', tflops: 9.63, source: 'maderix/ANE issue 3' },
  { chip: 'm4', os: '', program: stack128, tflops: 11.74, source: 'maderix/ANE issue 3' },
  { chip: 'm4', os: '', program: '128 conv 512ch, 64×64', tflops: 18.6, source: 'maderix/ANE README' },
  { chip: 'm4', os: '', program: '128 conv 512ch, 64×64, W8A8', tflops: 35.1, source: 'maderix/ANE README' },
  { chip: 'm4-pro', os: '', program: stack128, tflops: 12.57, source: 'maderix/ANE community report' },
  { chip: 'm4-max', os: '', program: stack128, tflops: 10.93, source: 'maderix/ANE community report' },
  { chip: 'm5', os: '26.3', program: stack128, tflops: 12.44, source: 'maderix/ANE community report' },
  { chip: 'm5', os: '26.4', program: stack128, tflops: 12.17, source: 'maderix/ANE community report' },
  { chip: 'm5-max', os: '26.4.1', program: '128 conv 512ch, 64×64', tflops: 19.27, source: 'maderix/ANE PR 50' },
  { chip: 'm5-max', os: '26.4.1', program: '128 conv 512ch, 64×64, W8A8', tflops: 35.61, source: 'maderix/ANE PR 50' },
]
