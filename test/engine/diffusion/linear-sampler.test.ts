import { describe, expect, it } from 'vitest';
import { samplerNames, type SamplerName } from '../../../main/contract/settings.ts';
import type { Denoiser } from '../../../main/engine/diffusion/denoiser.ts';
import { linearSampler, pullBackThroughSampler } from '../../../main/engine/diffusion/linear-sampler.ts';
import { batchNoise, type NoiseSource } from '../../../main/engine/diffusion/noise-source.ts';
import { samplers } from '../../../main/engine/diffusion/samplers/index.ts';
import { planSampling, type SamplingPlan } from '../../../main/engine/diffusion/sampling-plan.ts';
import { parseSchedulerConfig } from '../../../main/engine/diffusion/scheduler-config.ts';
import { combine, scale } from '../../../main/engine/tensor/arithmetic.ts';
import { philoxStream } from '../../../main/engine/tensor/philox.ts';
import type { Tensor } from '../../../main/engine/tensor/tensor.ts';
import { mixtureDenoiser, mixtureFlow, type Mixture } from '../../doubles/gaussian-mixture.ts';

const mixture: Mixture = [
  { weight: 0.3, mean: [-1, 0.5], std: 0.4 },
  { weight: 0.5, mean: [1.5, -0.5], std: 0.7 },
  { weight: 0.2, mean: [0, 2], std: 0.5 },
];
const denoise: Denoiser = mixtureDenoiser(mixture);
const flow = mixtureFlow(mixture);

/** vᵀ ∂D/∂x from the flow's own: D = x − sigma · velocity. */
const product = async (x: Tensor, sigma: number, v: Tensor): Promise<Tensor> =>
  combine([1, v], [-sigma, (await flow(x, sigma, v)).product]);

const classic = {
  _class_name: 'EulerDiscreteScheduler',
  num_train_timesteps: 1000,
  beta_start: 0.00085,
  beta_end: 0.012,
  beta_schedule: 'scaled_linear',
  prediction_type: 'epsilon',
  steps_offset: 1,
};
const straight = { _class_name: 'FlowMatchEulerDiscreteScheduler', num_train_timesteps: 1000, shift: 1 };

const planOf = (config: Record<string, unknown>, sampler: SamplerName | null, stepCount = 7): SamplingPlan =>
  planSampling(parseSchedulerConfig(config), { stepCount, sampler });

/** Two images of two values, with a deviation of 1. */
const noise: Tensor = {
  dims: [2, 2],
  data: philoxStream(3, 0, 'start').normal(new Float64Array(4)),
};

/** What a stochastic sampler draws: nothing, or the same numbers in every run. */
const silent: NoiseSource = (like) => scale(0, like);
const drawn = (): NoiseSource => batchNoise([philoxStream(8, 0, 'step'), philoxStream(8, 1, 'step')]);

async function endOf(
  plan: SamplingPlan,
  startStep: number,
  x: Tensor,
  noise: NoiseSource,
  inputs: Tensor[] = [],
): Promise<Tensor> {
  const recording: Denoiser = (at, sigma) => {
    inputs.push(at);
    return denoise(at, sigma);
  };
  let end = x;
  const options = { ...plan.options, startStep, noise };
  for await (const step of samplers[plan.sampler](recording, x, plan.sigmas, options)) end = step.x;
  return end;
}

// EDM's samplers go with EDM's networks.
const others: readonly SamplerName[] = ['edm-euler', 'edm-dpm++2m'];
const classics = samplerNames.filter((name) => !others.includes(name));

describe('a sampler', () => {
  it.each([
    ...classics.map((name) => [name, name.startsWith('flow-match') ? straight : classic] as const),
    ['euler', straight] as const,
    ['euler-ancestral', straight] as const,
    ['dpm++2m-sde', straight] as const,
  ])(
    '%s is the combination that was read off it, and its gradient agrees with central differences',
    async (name, config) => {
      const plan = planOf(config, name);
      // A flow begins at sigma 2²⁶, where the double's own denoiser has few digits left for differences: a step later.
      const startStep = config === straight ? 1 : 0;
      const startScale = startStep === 0 ? plan.startScale : (plan.sigmas[startStep] ?? NaN);
      const linear = await linearSampler(plan, startStep);
      const start = combine([startScale, noise]);
      const inputs: Tensor[] = [];
      const end = await endOf(plan, startStep, start, silent, inputs);
      expect(inputs).toHaveLength(linear.calls.length);

      // Each sample asked about, and the last one, from the start and the estimates alone.
      const estimates = await Promise.all(inputs.map((x, at) => denoise(x, linear.calls[at]?.sigma ?? NaN)));
      const terms = (weights: readonly number[]) =>
        combine(...weights.map((weight, at) => [weight, at === 0 ? start : (estimates[at - 1] ?? start)] as const));
      const size = Math.max(...start.data.map(Math.abs));
      for (const [at, { weights }] of linear.calls.entries())
        terms(weights.slice(0, at + 1)).data.forEach((value, i) => {
          expect(Math.abs(value - (inputs[at]?.data[i] ?? NaN))).toBeLessThan(1e-9 * size);
        });
      terms(linear.end).data.forEach((value, i) => {
        expect(Math.abs(value - (end.data[i] ?? NaN))).toBeLessThan(1e-9 * size);
      });

      const cotangent: Tensor = { dims: noise.dims, data: Float64Array.of(0.7, -1.1, 0.3, 2) };
      const withNoise: Tensor[] = [];
      await endOf(plan, startStep, start, drawn(), withNoise);
      const gradient = combine([startScale, await pullBackThroughSampler(linear, withNoise, cotangent, product)]);
      const along = async (amount: number, i: number): Promise<number> => {
        const data = Float64Array.from(noise.data);
        data[i] = (data[i] ?? NaN) + amount;
        const moved = await endOf(plan, startStep, combine([startScale, { dims: noise.dims, data }]), drawn());
        return Array.from(moved.data, (value, j) => value * (cotangent.data[j] ?? NaN)).reduce((a, b) => a + b);
      };
      const delta = 1e-4;
      for (let i = 0; i < 4; i++) {
        const slope = ((await along(delta, i)) - (await along(-delta, i))) / (2 * delta);
        expect(Math.abs((gradient.data[i] ?? NaN) - slope)).toBeLessThan(1e-5 * Math.max(1, Math.abs(slope)));
      }
    },
  );

  it('is not one whose estimates are clipped: it is refused in one line', async () => {
    const clipping = { ...classic, _class_name: 'DDIMScheduler', clip_sample: true };
    await expect(linearSampler(planOf(clipping, null))).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('clips or thresholds them (ddim)') as string,
    });
  });

  it('may begin on the way, as image-to-image does', async () => {
    const plan = planOf(straight, null);
    const { calls } = await linearSampler(plan, 4);
    expect(calls.map(({ sigma }) => sigma)).toEqual(plan.sigmas.slice(4, 7));
  });
});
