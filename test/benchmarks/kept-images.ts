import { candidateStream } from '../../main/engine/features/candidate-stream.ts';
import { acceptanceRate } from '../../main/engine/features/reweighting.ts';
import { uniformNumbers } from '../../main/engine/features/uniform.ts';
import { philoxStream } from '../../main/engine/tensor/philox.ts';
import { gaussianCandidate } from '../doubles/gaussian-candidates.ts';

// Model calls for each kept image: early pruning on the denoised estimate against naive rejection, at acceptances of 0.5
// and 0.12, on candidates whose estimate after 8 of 20 steps is the sample seen through noise of 0.4.

const steps = 20;
const weight = 33;
const count = 4000;

for (const wanted of [0.5, 0.12]) {
  // Acceptance q + (1 − q)/w, with q the share of |x| below a bound.
  const q = (wanted - 1 / weight) / (1 - 1 / weight);
  const threshold = Math.exp(-(normalQuantile((1 + q) / 2) ** 2) / 2);
  for (const { name, margin, audit } of [
    { name: 'naive', margin: 0, audit: 1 },
    { name: 'pruned, audit 0.2', margin: 1, audit: 0.2 },
    { name: 'pruned, margin 1.2, audit 0.2', margin: 1.2, audit: 0.2 },
    { name: 'pruned, audit 0.05', margin: 1, audit: 0.05 },
  ]) {
    const normals = philoxStream(5, 0, 'step');
    const block = new Float64Array(2);
    const normal = (): number => normals.normal(block)[0] ?? NaN;
    const draw = () => gaussianCandidate(normal, { steps, previewStep: name === 'naive' ? 0 : 8, sigma: 0.4 });
    const random = uniformNumbers(philoxStream(6, 0, 'selection'));
    for await (const event of candidateStream(draw, count, { weight, threshold }, random, { margin, audit })) {
      if (event.kind === 'kept') continue;
      const { tried, pruned, cost, lawChange } = event.report;
      console.log(
        JSON.stringify({
          benchmark: 'kept-images',
          method: name,
          acceptance: acceptanceRate(q, weight),
          callsPerKept: cost / count,
          naiveCallsPerKept: steps / acceptanceRate(q, weight),
          tried,
          pruned,
          lawChange,
        }),
      );
    }
  }
}

/** Quantile of the standard normal law by bisection on its distribution function. */
function normalQuantile(share: number): number {
  let low = -10;
  let high = 10;
  while (high - low > 1e-10) {
    const middle = (low + high) / 2;
    if (normalShare(middle) < share) low = middle;
    else high = middle;
  }
  return low;
}

/** P(N(0, 1) < x) by Simpson's rule from 0. */
function normalShare(x: number): number {
  const density = (t: number): number => Math.exp((-t * t) / 2) / Math.sqrt(2 * Math.PI);
  const pieces = 400;
  const h = x / pieces;
  let sum = density(0) + density(x);
  for (let i = 1; i < pieces; i++) sum += (i % 2 === 1 ? 4 : 2) * density(i * h);
  return 0.5 + (sum * h) / 3;
}
