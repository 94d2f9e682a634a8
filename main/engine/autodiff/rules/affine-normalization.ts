import { sameDims } from '../../graph/dimension.ts';
import { floatAttribute, type Node } from '../../graph/model.ts';
import type { Operators } from '../../graph/operators.ts';
import type { Composite, MakerOf } from './composites.ts';

/** Multiplication by, or addition of, one number a channel (and image). */
interface Step {
  readonly operator: 'Mul' | 'Add';
  readonly by: string;
}

/** A chain that exporters make of a group normalization, from the end: n·A + B, n normalized over groups of channels. */
interface Chain {
  /** The InstanceNormalization over rows [N, G, channels/G · places]. */
  readonly normalization: Node;
  /** The first value that has channels [N, C, ...]. */
  readonly normalized: string;
  /** First to last. */
  readonly steps: readonly Step[];
}

/**
 * Normalization over groups of channels followed by any number of scales and shifts by channel, `y = n·A + B`: what
 * torch.onnx makes of GroupNorm, and of a modulation after it. All gradients follow from Σ dy and Σ dy·n over the places
 * of each channel, so that one product in full size serves scales, shifts and the input:
 * dx = (A·dy − mean(A·dy) − n·mean(A·dy·n)) / std over the group.
 */
export function affineNormalization(make: Operators, node: Node, makerOf: MakerOf): Composite | undefined {
  const chain = chainTo(make, node, makerOf);
  if (chain === undefined) return undefined;
  const { normalization, normalized, steps } = chain;
  const [x = ''] = normalization.inputs;
  return {
    inputs: [x, ...steps.map(({ by }) => by)],
    gradients: (dy, needs) => {
      const rank = make.rank(dy);
      const groups = Number(make.dimsOf(x)[1]);
      const channels = Number(make.dimsOf(normalized)[1]);
      const grouped = (value: string): string => make.reshape(value, [0, groups, channels / groups, -1]);
      const byChannel = (value: string): string => make.reshape(value, [0, -1, ...Array<number>(rank - 2).fill(1)]);
      const [dyRows, n] = [grouped(dy), grouped(normalization.outputs[0] ?? '')];
      const sumDy = make.reduceSum(dyRows, [3]);
      const sumProduct = make.reduceSum(make.mul(dyRows, n), [3]);
      const ends = (): [string, string] => [byChannel(sumProduct), byChannel(sumDy)];
      const { slope, gradients } = backThroughSteps(make, steps, ends, needs);
      if (!needs(x)) return [undefined, ...gradients];

      const scale = slope === undefined ? undefined : grouped(make.expandLike(slope, byChannel(sumDy)));
      const scaled = (value: string): string => (scale === undefined ? value : make.mul(value, scale));
      const inverse = make.unsqueeze(inverseDeviation(make, x, floatAttribute(normalization, 'epsilon', 1e-5)), [3]);
      const perElement = make.div(inverse, make.cast(make.extentOf(x, 2), make.typeOf(x)));
      const overGroup = (sum: string): string => make.mul(make.reduceSum(scaled(sum), [2]), perElement);
      const projection = make.add(make.mul(n, overGroup(sumProduct)), overGroup(sumDy));
      const dx = make.sub(make.mul(dyRows, scaled(inverse)), projection);
      return [make.reshapeLike(dx, x), ...gradients];
    },
  };
}

/** The slope A of all steps together, undefined for 1, and the gradients of their operands from those of A and B. */
function backThroughSteps(
  make: Operators,
  steps: readonly Step[],
  ends: () => readonly [string, string],
  needs: (name: string) => boolean,
): { readonly slope: string | undefined; readonly gradients: readonly (string | undefined)[] } {
  const slopes: (string | undefined)[] = [];
  const shifts: (string | undefined)[] = [];
  let slope: string | undefined;
  let shift: string | undefined;
  for (const { operator, by } of steps) {
    slopes.push(slope);
    shifts.push(shift);
    if (operator === 'Add') shift = shift === undefined ? by : make.add(shift, by);
    else {
      slope = slope === undefined ? by : make.mul(slope, by);
      if (shift !== undefined) shift = make.mul(shift, by);
    }
  }
  const gradients: (string | undefined)[] = steps.map(() => undefined);
  if (steps.some(({ by }) => needs(by))) {
    let [dSlope, dShift] = ends();
    for (const [index, { operator, by }] of [...steps.entries()].toReversed()) {
      if (operator === 'Add') {
        if (needs(by)) gradients[index] = dShift;
        continue;
      }
      const [before, shiftBefore] = [slopes[index], shifts[index]];
      if (needs(by)) {
        const own = before === undefined ? dSlope : make.mul(dSlope, before);
        gradients[index] = shiftBefore === undefined ? own : make.add(own, make.mul(dShift, shiftBefore));
      }
      [dSlope, dShift] = [make.mul(dSlope, by), make.mul(dShift, by)];
    }
  }
  return { slope, gradients };
}

/** 1/√(variance + ε) of every row. */
function inverseDeviation(make: Operators, rows: string, epsilon: number): string {
  const centre = make.sub(rows, make.reduceMean(rows, [2]));
  return make.reciprocal(make.sqrt(make.shift(make.reduceMean(make.square(centre), [2]), epsilon)));
}

function chainTo(make: Operators, last: Node, makerOf: MakerOf): Chain | undefined {
  const steps: Step[] = [];
  let node: Node | undefined = last;
  while (node !== undefined && node.domain === '' && (node.operator === 'Mul' || node.operator === 'Add')) {
    const [a = '', b = '']: readonly string[] = node.inputs;
    const [value, by]: readonly [string, string] = isByChannel(make, b, a) ? [a, b] : [b, a];
    if (!isByChannel(make, by, value) || !keepsDims(make, value, node.outputs[0] ?? '')) return undefined;
    steps.unshift({ operator: node.operator, by });
    const maker = makerOf(value);
    const normalization = maker?.operator === 'Reshape' ? makerOf(maker.inputs[0] ?? '') : undefined;
    if (normalization !== undefined && isPlainNormalization(make, normalization, value))
      return { normalization, normalized: value, steps };
    node = maker;
  }
  return undefined;
}

/** Whether `by` has one number a channel (and image) of `value` [N, C, ...], at most. */
function isByChannel(make: Operators, by: string, value: string): boolean {
  const own = make.graph.factOf(by)?.dims;
  const dims = make.graph.factOf(value)?.dims;
  if (own === undefined || dims === undefined || dims.length < 3 || own.length > dims.length) return false;
  return own.every((extent, index) => index + dims.length - own.length < 2 || extent === 1);
}

function keepsDims(make: Operators, value: string, result: string): boolean {
  const [from, to] = [make.graph.factOf(value)?.dims, make.graph.factOf(result)?.dims];
  return from !== undefined && to !== undefined && sameDims(from, to);
}

/** Normalization of rows [N, G, ...] with neither scale nor shift of its own, seen as channels [N, C, ...]. */
function isPlainNormalization(make: Operators, node: Node, asChannels: string): boolean {
  if (node.domain !== '' || node.operator !== 'InstanceNormalization') return false;
  const [x = '', scale = '', shift = ''] = node.inputs;
  const [rows, dims] = [make.graph.factOf(x)?.dims, make.graph.factOf(asChannels)?.dims];
  const [groups, channels] = [rows?.[1], dims?.[1]];
  const type = make.typeOf(x);
  return (
    rows?.length === 3 &&
    typeof groups === 'number' &&
    typeof channels === 'number' &&
    channels % groups === 0 &&
    (type === 'float32' || type === 'float64') &&
    make.numbersIn(scale)?.every((each) => each === 1) === true &&
    make.numbersIn(shift)?.every((each) => each === 0) === true
  );
}
