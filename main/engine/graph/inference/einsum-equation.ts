import { Failure } from '../../../contract/failures.ts';

/** An Einsum equation with its ellipses spelled out as labels of their own ('…0' is the outermost). */
export interface Equation {
  readonly operands: readonly (readonly string[])[];
  readonly output: readonly string[];
}

/** Reads an equation such as `...ij,jk->...ik`; `ranks` are those of the operands. */
export function parseEquation(equation: string, ranks: readonly number[]): Equation {
  const [left = '', right] = equation.replaceAll(/\s/g, '').split('->');
  const terms = left.split(',');
  if (terms.length !== ranks.length)
    throw new Failure('model-broken', `Einsum "${equation}": expected ${ranks.length} terms, got ${terms.length}`);
  const widths = terms.map((term, index) => (ranks[index] ?? 0) - term.replace('...', '').length);
  const widest = Math.max(0, ...terms.map((term, index) => (term.includes('...') ? (widths[index] ?? 0) : 0)));
  const spell = (term: string, width: number): string[] => {
    const ellipsis = Array.from({ length: width }, (_, index) => `…${widest - width + index}`);
    const at = term.indexOf('...');
    return at < 0 ? [...term] : [...term.slice(0, at), ...ellipsis, ...term.slice(at + 3)];
  };
  const operands = terms.map((term, index) => spell(term, widths[index] ?? 0));
  operands.forEach((labels, index) => {
    if (labels.length !== ranks[index])
      throw new Failure(
        'model-broken',
        `Einsum "${equation}": term ${index + 1} does not fit a tensor of rank ${ranks[index]}`,
      );
  });
  if (right !== undefined) return { operands, output: spell(right, widest) };
  // Without an arrow: the ellipsis, then every label that appears once, in alphabetical order.
  const all = operands.flat();
  const once = all.filter((label) => !label.startsWith('…') && all.indexOf(label) === all.lastIndexOf(label));
  return { operands, output: [...spell('...', widest), ...once.sort()] };
}
