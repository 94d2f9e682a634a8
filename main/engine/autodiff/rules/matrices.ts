import { floatAttribute, intAttribute } from '../../graph/model.ts';
import type { Operators } from '../../graph/operators.ts';
import type { Rule } from '../rule.ts';

/** Swaps the last two axes. */
function transposed(make: Operators, x: string): string {
  const rank = make.rank(x);
  const order = Array.from({ length: rank }, (_, axis) => axis);
  return make.transpose(x, [...order.slice(0, -2), rank - 1, rank - 2]);
}

/** numpy's matmul: a 1-D operand is a row on the left, a column on the right; stacks broadcast. */
const matMul: Rule = ({ inputs: [a = '', b = ''], dy, needs, make }) => {
  const row = make.rank(a) === 1;
  const column = make.rank(b) === 1;
  const left = row ? make.unsqueeze(a, [0]) : a;
  const right = column ? make.unsqueeze(b, [1]) : b;
  const added = [...(row ? [-2] : []), ...(column ? [-1] : [])];
  const full = row && column ? make.reshape(dy, [1, 1]) : make.unsqueeze(dy, added);
  const da = needs(0) ? make.matMul(full, transposed(make, right)) : undefined;
  const db = needs(1) ? rightGradient(make, left, right, full) : undefined;
  return [
    da !== undefined && row ? make.squeeze(da, [-2]) : da,
    db !== undefined && column ? make.squeeze(db, [-1]) : db,
  ];
};

/** One matrix used by a whole stack takes its gradient in one product, without a stack to sum. */
function rightGradient(make: Operators, left: string, right: string, dy: string): string {
  if (make.rank(right) > 2 || make.rank(left) === 2) return make.matMul(transposed(make, left), dy);
  const rows = make.reshape(left, [-1, make.extentOf(left, -1)]);
  const outputs = make.reshape(dy, [-1, make.extentOf(dy, -1)]);
  return make.matMul(transposed(make, rows), outputs);
}

/** Y = α·A′B′ + β·C with A′, B′ transposed on demand. */
const gemm: Rule = ({ node, inputs: [a = '', b = ''], dy, needs, make }) => {
  const alpha = { float: floatAttribute(node, 'alpha', 1) };
  const transA = intAttribute(node, 'transA', 0);
  const transB = intAttribute(node, 'transB', 0);
  const product = (left: string, right: string, leftTurned: number, rightTurned: number): string =>
    make.one('Gemm', [left, right], { alpha, transA: leftTurned, transB: rightTurned });
  const da = () => (transA === 1 ? product(b, dy, transB, 1) : product(dy, b, 0, 1 - transB));
  const db = () => (transB === 1 ? product(dy, a, 1, transA) : product(a, dy, 1 - transA, 0));
  return [
    needs(0) ? da() : undefined,
    needs(1) ? db() : undefined,
    needs(2) ? make.scale(dy, floatAttribute(node, 'beta', 1)) : undefined,
  ];
};

/** Products of matrices. */
export const matrices: Readonly<Record<string, Rule>> = { MatMul: matMul, Gemm: gemm };
