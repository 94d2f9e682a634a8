import { Failure } from '../../../contract/failures.ts';
import { textOf, type Dim } from '../dimension.ts';
import type { ElementType } from '../element-type.ts';
import type { Node } from '../model.ts';

/** What is known of a value before the graph runs. */
export interface Fact {
  readonly elementType: ElementType;
  /** Undefined: not even the rank is known. */
  readonly dims: readonly Dim[] | undefined;
  /** The elements of a small tensor of whole numbers (shapes, axes, indices) or constants, row-major. */
  readonly known?: readonly Dim[];
}

/** One node as an inference rule sees it. */
export interface Inference {
  readonly node: Node;
  /** A fact per input; undefined where the input is omitted or nothing is known. */
  readonly inputs: readonly (Fact | undefined)[];
  readonly opset: number;
  /** An extent that nothing is known about, the same on every pass. */
  readonly fresh: (what: string) => Dim;
}

/** From the facts of a node's inputs to the facts of its outputs, in order. */
export type InferenceRule = (inference: Inference) => readonly (Fact | undefined)[];

/** Tensors with more elements than this are not followed by value. */
export const knownLimit = 1024;

/** Elements as plain numbers, where every one of them is. */
export function numbers(fact: Fact | undefined): readonly number[] | undefined {
  return fact?.known?.every((each) => typeof each === 'number') ? fact.known : undefined;
}

/** Counts an axis from the front. */
export function fromFront(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/**
 * Counts an axis of a tensor of `rank` dims from the front; one that it has not is `model-broken`. A scalar counts as a
 * list of one, as PyTorch has it and ONNX Runtime lets pass.
 */
export function axisWithin(axis: number, rank: number, what = 'axis'): number {
  const bound = Math.max(rank, 1);
  if (axis < -bound || axis >= bound)
    throw new Failure('model-broken', `expected the ${what} from ${-bound} to ${bound - 1}, got ${axis}`);
  return fromFront(axis, rank);
}

/** Dims as messages show them. */
export function dimsText(dims: readonly Dim[]): string {
  return `[${dims.map(textOf).join(', ')}]`;
}

/** A fact of this type and these dims. */
export function shaped(elementType: ElementType, dims: readonly Dim[] | undefined): Fact {
  return { elementType, dims };
}

/** The same, with the elements where they are known and few. */
export function withKnown(fact: Fact, known: readonly Dim[] | undefined): Fact {
  if (known === undefined || known.length > knownLimit) return fact;
  return { elementType: fact.elementType, dims: fact.dims, known };
}

/** The dims of numpy broadcasting; undefined where one of the ranks is unknown. Numbers that differ are `model-broken`. */
export function broadcast(
  shapes: readonly (readonly Dim[] | undefined)[],
  fresh: (what: string) => Dim,
): readonly Dim[] | undefined {
  if (shapes.some((dims) => dims === undefined)) return undefined;
  const rank = Math.max(0, ...shapes.map((dims) => dims?.length ?? 0));
  return Array.from({ length: rank }, (_, axis) => {
    const candidates = shapes
      .map((dims) => dims?.[axis - rank + (dims?.length ?? 0)])
      .filter((dim): dim is Dim => dim !== undefined && dim !== 1);
    // A number beats a name: the named extent is then that number, or 1.
    const number = candidates.find((dim) => typeof dim === 'number');
    if (candidates.some((dim) => typeof dim === 'number' && dim !== number))
      throw new Failure(
        'model-broken',
        `expected dims that broadcast, got ${shapes.map((dims) => dimsText(dims ?? [])).join(' and ')}`,
      );
    if (number !== undefined) return number;
    const [first] = candidates;
    if (first === undefined) return 1;
    const texts = candidates.map((dim) => (typeof dim === 'number' ? '' : dim.text));
    return texts.every((text) => text === texts[0]) ? first : fresh(`broadcast ${axis}`);
  });
}
