import { acceptanceRate } from '../../main/engine/features/reweighting.ts';
import { runGaussianCandidates, thresholdOfShare } from '../doubles/gaussian-candidates.ts';

// Model calls for each kept image: early pruning on the denoised estimate against naive rejection, at acceptances of 0.5
// and 0.12, on candidates whose estimate after 8 of 20 steps is the sample seen through noise of 0.4. The look itself
// (decoding and encoding the estimate) costs about as much as `lookCost` model calls.

const steps = 20;
const lookCost = 1.5;
const weight = 33;
const kept = 2000;

for (const wanted of [0.5, 0.12]) {
  // Acceptance q + (1 − q)/w, with q the share of candidates above the threshold.
  const q = (wanted - 1 / weight) / (1 - 1 / weight);
  const reweighting = { weight, threshold: thresholdOfShare(q) };
  for (const pruning of [null, { risk: 0.01 }, { risk: 0.02 }, { risk: 0.05 }]) {
    const run = runGaussianCandidates({ reweighting, pruning, kept, steps, lookAfter: 8, sigma: 0.4, seed: 5 });
    const { cost, tried, report, wronglyGivenUp } = run;
    console.log(
      JSON.stringify({
        benchmark: 'kept-images',
        method: pruning === null ? 'naive rejection' : `given up at a chance of ${pruning.risk}`,
        acceptance: acceptanceRate(q, weight),
        callsPerKept: (cost + (report === null ? 0 : lookCost * tried)) / kept,
        naiveCallsPerKept: steps / acceptanceRate(q, weight),
        tried,
        givenUp: report?.givenUp ?? 0,
        lawChangeStated: report === null ? 0 : report.expectedLost / (kept + report.expectedLost),
        lawChangeTrue: wronglyGivenUp / (kept + wronglyGivenUp),
      }),
    );
  }
}
