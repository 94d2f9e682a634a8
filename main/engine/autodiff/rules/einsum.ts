import { parseEquation } from '../../graph/inference/einsum-equation.ts';
import { stringAttribute } from '../../graph/model.ts';
import type { Operators } from '../../graph/operators.ts';
import { unsupported, type Rule } from '../rule.ts';

/**
 * Einsum is linear in each operand: its gradient is the Einsum of dy and the other operands, onto the operand's labels.
 * Labels that nobody else has were summed over, and are spread again; a repeated label (a diagonal) gets zeros beside it.
 */
const einsumRule: Rule = ({ node, inputs, dy, needs, make }) => {
  const { operands, output } = parseEquation(
    stringAttribute(node, 'equation', ''),
    inputs.map((name) => make.rank(name)),
  );
  if (new Set(output).size !== output.length) throw unsupported(node, 'with a repeated output label');
  const letter = letters([...operands.flat(), ...output]);
  return inputs.map((input, index) => {
    if (!needs(index)) return undefined;
    const labels = operands[index] ?? [];
    const others = operands.flatMap((each, at) => (at === index ? [] : [{ labels: each, value: inputs[at] ?? '' }]));
    const sources = [{ labels: output, value: dy }, ...others];
    const unique = [...new Set(labels)];
    const shared = unique.filter((label) => sources.some((source) => source.labels.includes(label)));
    const equation = `${sources.map((each) => each.labels.map(letter).join('')).join(',')}->${shared.map(letter).join('')}`;
    const gradient = make.one(
      'Einsum',
      sources.map(({ value }) => value),
      { equation },
    );
    // Put every label of the operand in its place: absent ones as extents of 1, to be spread.
    const lone = unique.flatMap((label, axis) => (shared.includes(label) ? [] : [axis]));
    const placed = make.unsqueeze(gradient, lone);
    const spread = unique.length === labels.length ? placed : diagonal(make, placed, labels, unique, input);
    return make.expandLike(spread, input);
  });
};

/** Spreads each repeated label over its axes and keeps the diagonal. */
function diagonal(
  make: Operators,
  gradient: string,
  labels: readonly string[],
  unique: readonly string[],
  input: string,
): string {
  const repeats = labels.flatMap((label, axis) => (labels.indexOf(label) < axis ? [axis] : []));
  const firsts = unique.map((label) => labels.indexOf(label));
  // The axes of first appearances are in order already; the others come in as extents of 1.
  let result = make.unsqueeze(
    gradient,
    labels.map((_, axis) => axis).filter((axis) => !firsts.includes(axis)),
  );
  for (const axis of repeats) {
    const first = labels.indexOf(labels[axis] ?? '');
    const index = (at: number): string =>
      make.unsqueeze(
        make.range(make.extentOf(input, at)),
        labels.map((_, each) => each).filter((each) => each !== at),
      );
    result = make.mul(result, make.cast(make.equal(index(first), index(axis)), make.typeOf(gradient)));
  }
  return result;
}

/** A letter for each label, those of the ellipsis included. */
function letters(labels: readonly string[]): (label: string) => string {
  const free = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'].filter((each) => !labels.includes(each));
  const given = new Map<string, string>();
  for (const label of labels) {
    if (label.length === 1 && !label.startsWith('…')) given.set(label, label);
    else if (!given.has(label)) given.set(label, free.shift() ?? '?');
  }
  return (label) => given.get(label) ?? label;
}

/** Sums of products by labels. */
export const einsum: Readonly<Record<string, Rule>> = { Einsum: einsumRule };
