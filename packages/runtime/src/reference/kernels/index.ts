/** The kernel table: what every device's host kernels mean. */
import { classifierLoss } from './classifier-loss.js'
import { add, copy, fill } from './elementwise.js'
import { embedding, embeddingBackward, gatherRows, scatterAddRows } from './embedding.js'
import { gemm } from './gemm.js'
import type { ReferenceKernel } from './kernel.js'
import { adamw, gradNorm, rowSquares } from './optimizer.js'
import { rmsnorm, rmsnormBackward, scaleGradient } from './rmsnorm.js'

/** Host kernels by name. */
export const kernels: Readonly<Record<string, ReferenceKernel>> = {
  adamw,
  add,
  classifier_loss: classifierLoss,
  copy,
  embedding,
  embedding_backward: embeddingBackward,
  fill,
  gather_rows: gatherRows,
  gemm,
  grad_norm: gradNorm,
  rmsnorm,
  rmsnorm_backward: rmsnormBackward,
  row_squares: rowSquares,
  scale_gradient: scaleGradient,
  scatter_add_rows: scatterAddRows,
}
