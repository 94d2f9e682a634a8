import { intAttribute } from '../../graph/model.ts';
import type { Rule } from '../rule.ts';

/** Softmax and its logarithm along any axis. */
export const softmax: Readonly<Record<string, Rule>> = {
  Softmax: ({ node, outputs: [y = ''], dy, make }) => {
    const axis = intAttribute(node, 'axis', -1);
    const weighted = make.mul(dy, y);
    return [make.sub(weighted, make.mul(y, make.reduceSum(weighted, [axis])))];
  },
  LogSoftmax: ({ node, outputs: [y = ''], dy, make }) => {
    const axis = intAttribute(node, 'axis', -1);
    return [make.sub(dy, make.mul(make.exp(y), make.reduceSum(dy, [axis])))];
  },
};
