import type { Candidate } from '../../main/engine/features/candidate-stream.ts';

/**
 * Candidates x ~ N(0, 1) made in `steps` steps of cost 1, whose estimate after `previewStep` of them is x seen through
 * noise, E[x | x + sigma · noise], as a denoised estimate is. Their density is exp(−x²/2), largest for the typical.
 */
export function gaussianCandidate(
  normal: () => number,
  { steps, previewStep, sigma }: { readonly steps: number; readonly previewStep: number; readonly sigma: number },
): Candidate<number> {
  const x = normal();
  const seen = (x + sigma * normal()) / (1 + sigma * sigma);
  let done = 0;
  return {
    preview: async () => {
      done = previewStep;
      return { density: Math.exp((-seen * seen) / 2), cost: previewStep };
    },
    finish: async () => ({ sample: x, density: Math.exp((-x * x) / 2), cost: steps - done }),
  };
}
