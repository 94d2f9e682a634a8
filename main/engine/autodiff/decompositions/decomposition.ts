import type { Node } from '../../graph/model.ts';
import type { Operators } from '../../graph/operators.ts';

/**
 * A fused operator in plain ones: from its inputs ('' where omitted) to its outputs, in order ('' where one has no plain
 * form; it must not be in use).
 */
export type Decomposition = (context: {
  readonly node: Node;
  readonly inputs: readonly string[];
  readonly make: Operators;
}) => readonly string[];
