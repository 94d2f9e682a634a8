import { Failure } from '../../contract/failures.ts';
import type { Operators } from '../graph/operators.ts';
import { describeNode, type Node } from '../graph/model.ts';

/** One node of the forward graph, seen from behind. */
export interface RuleContext {
  readonly node: Node;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Gradient of the first output. */
  readonly dy: string;
  /** Gradient per output; undefined where none flows. */
  readonly gradients: readonly (string | undefined)[];
  /** Whether anybody asks for the gradient of this input. */
  readonly needs: (index: number) => boolean;
  readonly make: Operators;
}

/**
 * The chain rule of one operator: from the gradients of its outputs to those of its inputs, in order; undefined is zero.
 * A gradient may still have the broadcast dims of the output: the walk sums it back.
 */
export type Rule = (context: RuleContext) => readonly (string | undefined)[];

/** An operator whose derivative is zero wherever it exists. */
export const zero: Rule = () => [];

/** The failure of a rule that cannot serve this use of its operator. */
export function unsupported(node: Node, reason: string): Failure {
  return new Failure('unsupported', `${describeNode(node)}: no gradient ${reason}`);
}
