import { describe, expect, it } from 'vitest';
import { densityBound, likelihoodRange } from '../../../main/engine/diffusion/likelihood-range.ts';
import { parseSchedulerConfig } from '../../../main/engine/diffusion/scheduler-config.ts';

const stableDiffusion = {
  beta_start: 0.00085,
  beta_end: 0.012,
  beta_schedule: 'scaled_linear',
  prediction_type: 'epsilon',
};

describe('the noise levels that a likelihood is integrated over', () => {
  it.each(['PNDMScheduler', 'DDIMScheduler', 'EulerDiscreteScheduler', 'DPMSolverMultistepScheduler', 'LCMScheduler'])(
    'are those of the schedule of a model with %s, its timesteps between whole numbers',
    (name) => {
      const config = parseSchedulerConfig({ _class_name: name, ...stableDiffusion });
      const { sigmaMin, sigmaMax, parameterization } = likelihoodRange(config);
      expect([sigmaMin, sigmaMax]).toEqual([expect.closeTo(0.0291671582, 9), expect.closeTo(14.6146412293, 9)]);
      expect(parameterization.timestep(sigmaMin)).toBeCloseTo(0, 6);
      expect(parameterization.timestep(sigmaMax)).toBeCloseTo(999, 6);
      expect(parameterization.timestep(1.2345) % 1).not.toBe(0);
      expect(parameterization.inputScale(3)).toBeCloseTo(1 / Math.sqrt(10), 12);
    },
  );

  it('end before pure noise where a schedule ends in it', () => {
    const config = { _class_name: 'DDIMScheduler', ...stableDiffusion, rescale_betas_zero_snr: true };
    expect(likelihoodRange(parseSchedulerConfig(config)).sigmaMax).toBe(100);
  });

  it('are finite for a flow, whose network is told 1000 t with sigma = t/(1 − t)', () => {
    const { sigmaMin, sigmaMax, parameterization } = likelihoodRange(
      parseSchedulerConfig({ _class_name: 'FlowMatchEulerDiscreteScheduler' }),
    );
    expect([sigmaMin, sigmaMax]).toEqual([expect.closeTo(0.04 / 0.96, 12), expect.closeTo(0.96 / 0.04, 9)]);
    expect(parameterization.timestep(sigmaMin)).toBeCloseTo(40, 9);
    expect(parameterization.timestep(sigmaMax)).toBeCloseTo(960, 9);
  });

  it('are those that an EDM configuration says', () => {
    const config = parseSchedulerConfig({ _class_name: 'EDMEulerScheduler', sigma_min: 0.01, sigma_max: 50 });
    expect(likelihoodRange(config)).toMatchObject({ sigmaMin: 0.01, sigmaMax: 50 });
  });

  it('bound the density: 3.27 bits a dimension at the 0.0413 of the paper, 3.77 at 0.0292', () => {
    expect(densityBound(0.0413) * Math.LOG2E).toBeCloseTo(3.27, 2);
    expect(densityBound(0.02917) * Math.LOG2E).toBeCloseTo(3.77, 2);
  });
});
