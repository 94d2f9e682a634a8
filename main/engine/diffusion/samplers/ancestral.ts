/** How an ancestral step splits: a deterministic move to `down`, then fresh noise of standard deviation `up`. */
export interface AncestralStep {
  readonly down: number;
  readonly up: number;
}

/**
 * up² = eta² · sigmaNext² (sigma² − sigmaNext²)/sigma², the posterior variance of the noising chain (Song et al. 2021, DDIM,
 * eq 16, in sigma), and down² = sigmaNext² − up². With eta 0 the step is deterministic, with 1 it is DDPM's.
 */
export function ancestralStep(sigma: number, sigmaNext: number, eta = 1): AncestralStep {
  // 1 − (sigmaNext/sigma)² in place of the difference of squares: sigma may be huge
  const up = Math.min(sigmaNext, eta * sigmaNext * Math.sqrt(Math.max(0, 1 - (sigmaNext / sigma) ** 2)));
  return { up, down: Math.sqrt(Math.max(0, sigmaNext ** 2 - up ** 2)) };
}
