import { Failure } from '../../../contract/failures.ts';
import type { SchedulerConfig } from '../scheduler-config.ts';
import { exponentialSigmas, karrasSigmas } from '../sigma-spacing.ts';
import type { LevelRequest, NoiseLevels } from './noise-levels.ts';

/** Levels of EDM models, whose network is told ln(sigma)/4. Karras et al. 2022, table 1 and eq 5. */
export function edmLevels(config: SchedulerConfig, { stepCount }: LevelRequest): NoiseLevels {
  const { sigma_min: sigmaMin, sigma_max: sigmaMax } = config;
  if (sigmaMin === undefined || sigmaMax === undefined)
    throw new Failure('model-broken', 'scheduler_config.json: expected sigma_min and sigma_max', 'sigma_min');
  const sigmas =
    config.sigma_schedule === 'karras'
      ? karrasSigmas(sigmaMax, sigmaMin, stepCount, config.rho)
      : // counted from the clean end, as diffusers does: a single step stands there
        exponentialSigmas(sigmaMin, sigmaMax, stepCount).reverse();
  const timestepOf = (sigma: number): number => 0.25 * Math.log(sigma);
  return {
    sigmas: [...sigmas, config.final_sigmas_type === 'zero' ? 0 : (sigmas[sigmas.length - 1] ?? NaN)],
    timesteps: sigmas.map(timestepOf),
    sampleScale: () => 1,
    initNoiseSigma: Math.sqrt(sigmaMax ** 2 + 1),
    timestepOf,
  };
}
