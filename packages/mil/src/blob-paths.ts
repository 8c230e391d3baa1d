import { FormatError } from './format-error.js'
import type { BlobReference, Block, Literal, Operand, Program } from './ir.js'

/** Lists the files a program reads, as spelled, each once, in order of appearance. */
export function blobPaths(program: Program): string[] {
  return [...new Set(blobReferences(program).map((reference) => reference.path))]
}

/** Lists every reference to a file in a program, in order of appearance. */
export function blobReferences(program: Program): BlobReference[] {
  const found: BlobReference[] = []
  const literal = ({ value }: Literal): void => {
    if (value.kind === 'blob') found.push(value)
    else if (value.kind === 'list') value.items.forEach(literal)
    else if (value.kind === 'dict') value.entries.flat().forEach(literal)
  }
  const operand = (item: Operand): void => {
    if (item.kind === 'literal') literal(item.literal)
    else if (item.kind === 'list') item.items.forEach(operand)
  }
  const block = ({ operations }: Block): void => {
    for (const operation of operations) {
      Object.values(operation.operands).forEach(operand)
      Object.values(operation.attributes).forEach(literal)
      operation.blocks.forEach(block)
    }
  }
  program.functions.forEach(block)
  return found
}

/**
 * Returns the path of a weight file relative to the model folder, with `/` between its parts.
 *
 * @throws {FormatError} if the path is not under `@model_path/` or leaves the folder
 */
export function relativeBlobPath(path: string): string {
  const match = /^@model_path\/(.+)$/s.exec(path)
  const parts = match?.[1].split('/') ?? ['']
  if (parts.some((part) => part === '' || part === '.' || part === '..' || /[\\:\0]/.test(part))) {
    throw new FormatError(`Expected a path under @model_path/ for BLOBFILE, got ${JSON.stringify(path)}.`)
  }
  return parts.join('/')
}
