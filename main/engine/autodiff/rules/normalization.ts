import { Failure } from '../../../contract/failures.ts';
import { floatAttribute, intAttribute } from '../../graph/model.ts';
import type { Operators } from '../../graph/operators.ts';
import { unsupported, type Rule } from '../rule.ts';

/** Statistics of half-precision values are taken at float32, as the operators themselves do. */
function wide(make: Operators, x: string): string {
  const type = make.typeOf(x);
  return type === 'float16' || type === 'bfloat16' ? make.cast(x, 'float32') : x;
}

interface Normalized {
  /** (x − mean)/std, or x/rms */
  readonly xHat: string;
  /** The gradient that goes on to x, from that of `xHat`. */
  readonly back: (dxHat: string) => string;
}

/**
 * x over `axes` to mean 0 and variance 1 (`centred`), or to root mean square 1.
 * dx = (g − mean(g) − x̂·mean(g·x̂)) / std; without the centring the middle term is absent.
 */
function normalize(make: Operators, x: string, axes: readonly number[], epsilon: number, centred: boolean): Normalized {
  const centre = centred ? make.sub(x, make.reduceMean(x, axes)) : x;
  const variance = make.reduceMean(make.square(centre), axes);
  const inverse = make.reciprocal(make.sqrt(make.shift(variance, epsilon)));
  const xHat = make.mul(centre, inverse);
  const back = (g: string): string => {
    const parallel = make.mul(xHat, make.reduceMean(make.mul(g, xHat), axes));
    const rest = centred ? make.sub(g, make.reduceMean(g, axes)) : g;
    return make.mul(make.sub(rest, parallel), inverse);
  };
  return { xHat, back };
}

/** Over the axes from `axis` on, with scale and bias of those axes. */
function overLastAxes(centred: boolean): Rule {
  return ({ node, inputs: [x = '', scale = ''], gradients, needs, make }) => {
    if (gradients.slice(1).some((each) => each !== undefined)) throw unsupported(node, 'of the statistics');
    const dy = wide(make, gradients[0] ?? '');
    const rank = make.rank(x);
    const axis = intAttribute(node, 'axis', -1);
    const first = axis < 0 ? axis + rank : axis;
    const axes = Array.from({ length: rank - first }, (_, index) => first + index);
    const normalized = normalize(make, wide(make, x), axes, floatAttribute(node, 'epsilon', 1e-5), centred);
    return [
      needs(0) ? normalized.back(make.mul(dy, wide(make, scale))) : undefined,
      needs(1) ? make.mul(dy, normalized.xHat) : undefined,
      needs(2) ? dy : undefined,
    ];
  };
}

/** [C] to [1, C, 1, …], to meet a tensor of `rank`. */
function perChannel(make: Operators, vector: string, rank: number): string {
  return make.reshape(vector, [1, -1, ...Array<number>(rank - 2).fill(1)]);
}

const spatial = (rank: number): number[] => Array.from({ length: rank - 2 }, (_, index) => index + 2);

const instance: Rule = ({ node, inputs: [x = '', scale = ''], dy, needs, make }) => {
  const rank = make.rank(x);
  const g = wide(make, dy);
  const normalized = normalize(make, wide(make, x), spatial(rank), floatAttribute(node, 'epsilon', 1e-5), true);
  const others = [0, ...spatial(rank)];
  return [
    needs(0) ? normalized.back(make.mul(g, perChannel(make, wide(make, scale), rank))) : undefined,
    needs(1) ? make.reduceSum(make.mul(g, normalized.xHat), others, false) : undefined,
    needs(2) ? make.reduceSum(g, others, false) : undefined,
  ];
};

/** Groups of channels; scale and bias per channel (version 21) or per group (version 18). */
const group: Rule = ({ node, inputs: [x = '', scale = ''], dy, needs, make }) => {
  const rank = make.rank(x);
  const groups = intAttribute(node, 'num_groups', 1);
  const wideX = wide(make, x);
  const g = wide(make, dy);
  const rows = make.reshape(wideX, [0, groups, -1]);
  const normalized = normalize(make, rows, [2], floatAttribute(node, 'epsilon', 1e-5), true);
  const byGroup = make.graph.opset < 21;
  const xHat = byGroup ? normalized.xHat : make.reshapeLike(normalized.xHat, wideX);
  const gradient = byGroup ? make.reshape(g, [0, groups, -1]) : g;
  const others = byGroup ? [0, 2] : [0, ...spatial(rank)];
  const scaled = make.mul(gradient, perChannel(make, wide(make, scale), byGroup ? 3 : rank));
  return [
    needs(0) ? make.reshapeLike(normalized.back(make.reshapeLike(scaled, rows)), wideX) : undefined,
    needs(1) ? make.reduceSum(make.mul(gradient, xHat), others, false) : undefined,
    needs(2) ? make.reduceSum(gradient, others, false) : undefined,
  ];
};

/** At inference the statistics are inputs like the others: y = (x − μ)·s/√(v + ε) + b. */
const batch: Rule = ({ node, inputs: [x = '', scale = '', , mean = '', variance = ''], dy, needs, make }) => {
  if (intAttribute(node, 'training_mode', 0) !== 0) throw unsupported(node, 'in training mode');
  const rank = make.rank(x);
  const type = make.typeOf(x);
  const others = [0, ...spatial(rank)];
  const inverse = make.reciprocal(make.sqrt(make.shift(variance, floatAttribute(node, 'epsilon', 1e-5))));
  const along = (vector: string): string => make.cast(perChannel(make, vector, rank), type);
  const factor = make.mul(scale, make.cast(inverse, make.typeOf(scale)));
  const centred = make.sub(x, along(mean));
  const dScaled = (): string => make.reduceSum(make.mul(dy, centred), others, false);
  return [
    needs(0) ? make.mul(dy, along(factor)) : undefined,
    needs(1) ? make.mul(make.cast(dScaled(), make.typeOf(scale)), make.cast(inverse, make.typeOf(scale))) : undefined,
    needs(2) ? make.reduceSum(dy, others, false) : undefined,
    needs(3)
      ? make.neg(
          make.mul(
            make.cast(make.reduceSum(dy, others, false), make.typeOf(mean)),
            make.cast(factor, make.typeOf(mean)),
          ),
        )
      : undefined,
    needs(4)
      ? make.scale(
          make.mul(
            make.cast(dScaled(), make.typeOf(variance)),
            make.mul(make.cast(factor, make.typeOf(variance)), make.square(inverse)),
          ),
          -0.5,
        )
      : undefined,
  ];
};

/** x/‖x‖ along one axis, for the norm of order 1 or 2. */
const lp: Rule = ({ node, inputs: [x = ''], outputs: [y = ''], dy, make }) => {
  const axes = [intAttribute(node, 'axis', -1)];
  const order = intAttribute(node, 'p', 2);
  if (order !== 1 && order !== 2) throw new Failure('unsupported', `norm of order ${order}`);
  const norm = order === 1 ? make.reduceSum(make.abs(x), axes) : make.sqrt(make.reduceSum(make.square(x), axes));
  const direction = order === 1 ? make.sign(x) : y;
  const along = make.reduceSum(make.mul(dy, y), axes);
  return [make.div(make.sub(dy, make.mul(direction, along)), norm)];
};

const meanVariance: Rule = ({ node, inputs: [x = ''], dy, make }) => {
  const given = node.attributes['axes'];
  const axes = given?.kind === 'ints' ? given.value : [0, 2, 3];
  return [normalize(make, x, axes, 1e-9, true).back(dy)];
};

/** Normalizations, fused as exporters write them. */
export const normalization: Readonly<Record<string, Rule>> = {
  LayerNormalization: overLastAxes(true),
  RMSNormalization: overLastAxes(false),
  SimplifiedLayerNormalization: overLastAxes(false),
  InstanceNormalization: instance,
  GroupNormalization: group,
  BatchNormalization: batch,
  LpNormalization: lp,
  MeanVarianceNormalization: meanVariance,
};
