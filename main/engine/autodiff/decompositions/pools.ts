import { Failure } from '../../../contract/failures.ts';
import { intAttribute, intsAttribute, stringAttribute } from '../../graph/model.ts';
import type { Decomposition } from './decomposition.ts';

/** (Σ |x|^p)^(1/p) over a window: the mean of the powers, times their number. */
const lpPool: Decomposition = ({ node, inputs: [x = ''], make }) => {
  const p = intAttribute(node, 'p', 2);
  const kernel = intsAttribute(node, 'kernel_shape') ?? [];
  const given: Record<string, string | number | readonly number[]> = {
    auto_pad: stringAttribute(node, 'auto_pad', 'NOTSET'),
    ceil_mode: intAttribute(node, 'ceil_mode', 0),
    count_include_pad: 1,
  };
  const dilated = intsAttribute(node, 'dilations')?.some((each) => each !== 1) === true;
  if (dilated && make.graph.opset < 19)
    throw new Failure('unsupported', `dilations of LpPool before version 19 of ai.onnx, got ${make.graph.opset}`);
  for (const name of ['kernel_shape', 'strides', 'pads', ...(dilated ? ['dilations'] : [])]) {
    const value = intsAttribute(node, name);
    if (value !== undefined) given[name] = value;
  }
  const mean = make.one('AveragePool', [make.pow(make.abs(x), make.scalar(p, x))], given);
  const sum = make.scale(
    mean,
    kernel.reduce((a, b) => a * b, 1),
  );
  return [make.pow(sum, make.scalar(1 / p, x))];
};

const globalLpPool: Decomposition = ({ node, inputs: [x = ''], make }) => {
  const p = intAttribute(node, 'p', 2);
  const axes = make.dimsOf(x).flatMap((_, axis) => (axis > 1 ? [axis] : []));
  return [make.pow(make.reduceSum(make.pow(make.abs(x), make.scalar(p, x)), axes), make.scalar(1 / p, x))];
};

/** Poolings by a norm. */
export const pools: Readonly<Record<string, Decomposition>> = { LpPool: lpPool, GlobalLpPool: globalLpPool };
