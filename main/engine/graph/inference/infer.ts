import { Failure } from '../../../contract/failures.ts';
import { symbol, type Dim } from '../dimension.ts';
import { describeNode, type DeclaredDim, type Node, type TensorType } from '../model.ts';
import { contractions } from './contractions.ts';
import { elementwise } from './elementwise.ts';
import { extents } from './extents.ts';
import { shaped, type Fact, type Inference, type InferenceRule } from './fact.ts';
import { rare } from './rare.ts';
import { reductions } from './reductions.ts';
import { reshaping } from './reshaping.ts';
import { selections } from './selections.ts';
import { sources } from './sources.ts';

const rules: Readonly<Record<string, InferenceRule>> = {
  ...elementwise,
  ...reductions,
  ...sources,
  ...reshaping,
  ...selections,
  ...extents,
  ...contractions,
  ...rare,
};

/** Whether the shapes of an operator's outputs can be told. */
export function hasInference(node: Node): boolean {
  return node.domain === '' && Object.hasOwn(rules, node.operator);
}

/** What a declaration says, its unnamed extents given names of their own. */
export function factOfType(type: TensorType, name: string): Fact {
  return shaped(
    type.elementType,
    type.dims?.map((dim, axis) => dimOf(dim, `${name}[${axis}]`)),
  );
}

function dimOf(dim: DeclaredDim, fallback: string): Dim {
  // Apart from plain names, a declared text is one name as a whole: what looks like a formula is not trusted as one.
  return typeof dim === 'number' ? dim : symbol(dim === undefined ? fallback : /^\w+$/.test(dim) ? dim : `(${dim})`);
}

/**
 * The facts of one node's outputs; a declared type fills in what no rule tells. Shapes, axes and permutations that no run
 * could take are `model-broken`, with the node's name.
 */
export function inferNode(
  node: Node,
  factOf: (name: string) => Fact | undefined,
  opset: number,
  declared: (name: string) => TensorType | undefined,
): readonly (Fact | undefined)[] {
  const rule = node.domain === '' || node.operator === 'Gelu' ? rules[node.operator] : undefined;
  const [made = ''] = node.outputs;
  const inferred =
    rule === undefined
      ? []
      : apply(rule, {
          node,
          inputs: node.inputs.map((name) => (name === '' ? undefined : factOf(name))),
          opset,
          fresh: (what) => symbol(`${made}:${what}`),
        });
  return node.outputs.map((name, index) => {
    const fact = inferred[index];
    const type = declared(name);
    if (type === undefined) return fact;
    if (fact === undefined) return factOfType(type, name);
    return fact.dims === undefined ? { ...fact, dims: factOfType(type, name).dims } : refine(fact, type, made);
  });
}

function apply(rule: InferenceRule, inference: Inference): readonly (Fact | undefined)[] {
  try {
    return rule(inference);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new Failure(error.code, `${describeNode(inference.node)}: ${error.message}`, undefined, { cause: error });
  }
}

/** A declared number is taken for an extent that the rule could not tell at all. */
function refine(fact: Fact, type: TensorType, made: string): Fact {
  if (fact.known !== undefined || type.dims?.length !== fact.dims?.length) return fact;
  const dims = fact.dims?.map((dim, axis) => {
    const other = type.dims?.[axis];
    const told = typeof dim === 'number' || !dim.text.startsWith(`${made}:`);
    return told || typeof other !== 'number' ? dim : other;
  });
  return { ...fact, dims };
}
