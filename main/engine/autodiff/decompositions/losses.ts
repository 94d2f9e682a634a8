import { intAttribute, stringAttribute, type Node } from '../../graph/model.ts';
import type { Operators } from '../../graph/operators.ts';
import type { Decomposition } from './decomposition.ts';

/** −w[t]·logp[t] per element, reduced; ignored targets weigh nothing, and the mean is over the weights. */
function negativeLogLikelihood(make: Operators, node: Node, logp: string, target: string, weights: string): string {
  const ignored = node.attributes['ignore_index'];
  const zero = make.scalar(0, target);
  const isIgnored =
    ignored === undefined ? '' : make.equal(target, make.scalar(intAttribute(node, 'ignore_index', -1), target));
  const safe = isIgnored === '' ? target : make.where(isIgnored, zero, target);
  const taken = make.one('GatherElements', [logp, make.unsqueeze(safe, [1])], { axis: 1 });
  const given = weights === '' ? make.fullLike(make.squeeze(taken, [1]), 1) : make.gather(weights, safe, 0);
  const weight = isIgnored === '' ? given : make.where(isIgnored, make.scalar(0, logp), given);
  const loss = make.neg(make.mul(make.squeeze(taken, [1]), weight));
  const axes = make.dimsOf(target).map((_, axis) => axis);
  switch (stringAttribute(node, 'reduction', 'mean')) {
    case 'none':
      return loss;
    case 'sum':
      return make.reduceSum(loss, axes, false);
    default:
      return make.div(make.reduceSum(loss, axes, false), make.reduceSum(weight, axes, false));
  }
}

/** The losses that classifiers are trained with. */
export const losses: Readonly<Record<string, Decomposition>> = {
  NegativeLogLikelihoodLoss: ({ node, inputs: [x = '', target = '', weights = ''], make }) => [
    negativeLogLikelihood(make, node, x, target, weights),
  ],
  SoftmaxCrossEntropyLoss: ({ node, inputs: [x = '', target = '', weights = ''], make }) => {
    const logp = make.sub(x, make.one('ReduceLogSumExp', [x, make.ints([1])], { keepdims: 1 }));
    return [negativeLogLikelihood(make, node, logp, target, weights), logp];
  },
};
