import { describe, expect, it } from 'vitest';
import { samplerNames, sigmaSpacings, type SamplerName } from '../../../main/contract/settings.ts';
import { denoiserOf, flowScale } from '../../../main/engine/diffusion/parameterization.ts';
import { streamNoise } from '../../../main/engine/diffusion/noise-source.ts';
import { planSampling } from '../../../main/engine/diffusion/sampling-plan.ts';
import { samplers } from '../../../main/engine/diffusion/samplers/index.ts';
import { parseSchedulerConfig } from '../../../main/engine/diffusion/scheduler-config.ts';
import { combine, scale } from '../../../main/engine/tensor/arithmetic.ts';
import { parsePythonJson } from '../../../main/model-packages/python-json.ts';
import { philoxStream } from '../../../main/engine/tensor/philox.ts';
import type { Tensor } from '../../../main/engine/tensor/tensor.ts';
import { mixtureDenoiser, type Mixture } from '../../doubles/gaussian-mixture.ts';

const stableDiffusion = {
  _class_name: 'PNDMScheduler',
  beta_start: 0.00085,
  beta_end: 0.012,
  beta_schedule: 'scaled_linear',
  skip_prk_steps: true,
  set_alpha_to_one: false,
  steps_offset: 1,
  trained_betas: null,
  clip_sample: false,
};
const families = {
  eps: stableDiffusion,
  v: { ...stableDiffusion, prediction_type: 'v_prediction' },
  x0: { ...stableDiffusion, prediction_type: 'sample' },
  'v with zero terminal SNR': {
    ...stableDiffusion,
    _class_name: 'DDIMScheduler',
    prediction_type: 'v_prediction',
    rescale_betas_zero_snr: true,
    timestep_spacing: 'trailing',
  },
  flow: { _class_name: 'FlowMatchEulerDiscreteScheduler', shift: 3 },
  edm: { _class_name: 'EDMEulerScheduler', sigma_min: 0.002, sigma_max: 80 },
} as const;

const mixture: Mixture = [
  { weight: 0.5, mean: [-1, 0.5], std: 0.05 },
  { weight: 0.5, mean: [1, -0.5], std: 0.05 },
];

describe('reading a scheduler_config.json', () => {
  it('takes the defaults of the class where fields are absent or null', () => {
    const config = parseSchedulerConfig({ _class_name: 'DDIMScheduler', clip_sample: null });
    expect(config).toMatchObject({
      clip_sample: true,
      timestep_spacing: 'leading',
      beta_start: 0.0001,
      sampler: 'ddim',
    });
  });

  it('reads the infinities that Python writes', () => {
    const text = '{"_class_name": "DPMSolverMultistepScheduler", "lambda_min_clipped": -Infinity, "betas": [NaN, 1]}';
    expect(parsePythonJson(text)).toMatchObject({ lambda_min_clipped: '-Infinity', betas: ['NaN', 1] });
    expect(parseSchedulerConfig(parsePythonJson(text)).lambda_min_clipped).toBe(-Infinity);
  });

  it.each([
    ['an unknown class', { _class_name: 'VQDiffusionScheduler' }, 'unsupported', 'VQDiffusionScheduler'],
    [
      'a consistency model of its own kind',
      { _class_name: 'CMStochasticIterativeScheduler' },
      'unsupported',
      'expected',
    ],
    [
      'flow images that grow',
      { _class_name: 'FlowMatchLCMScheduler', scale_factors: [0.5] },
      'unsupported',
      'scale_factors',
    ],
    ['no class', { beta_start: 1 }, 'model-broken', '_class_name'],
    ['a wrong type', { _class_name: 'DDIMScheduler', num_train_timesteps: 'many' }, 'bad-input', 'num_train_timesteps'],
    [
      'an unknown prediction',
      { _class_name: 'DDIMScheduler', prediction_type: 'psychic' },
      'bad-input',
      'prediction_type',
    ],
    ['not an object', 3, 'bad-input', 'scheduler_config.json'],
  ])('refuses %s and says where', (_what, json, code, where) => {
    expect(() => parseSchedulerConfig(json)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(where) }),
    );
  });
});

describe('a plan', () => {
  /** What a model of the family cannot be sampled with, on purpose. */
  const impossible = (family: string, sampler: SamplerName): boolean =>
    family === 'flow' && ['ddpm', 'pndm', 'tcd'].includes(sampler);

  const rows = (Object.keys(families) as (keyof typeof families)[]).flatMap((family) =>
    samplerNames.filter((sampler) => !impossible(family, sampler)).map((sampler) => ({ family, sampler })),
  );

  it.each(rows)('takes a $family model by $sampler from noise to the data', async ({ family, sampler }) => {
    const plan = planSampling(parseSchedulerConfig(families[family]), { stepCount: 40, sampler });
    expect(plan.sigmas).toHaveLength(plan.timesteps.length + 1);
    expect(plan.sigmas.every((sigma, i) => i === 0 || sigma < (plan.sigmas[i - 1] ?? 0))).toBe(true);
    expect(plan.timesteps.every(Number.isFinite)).toBe(true);
    const noise = streamNoise(philoxStream(9, 0, 'step'));
    const unit = philoxStream(9, 0, 'start').normal(new Float32Array(2 * 64));
    let x: Tensor = scale(plan.startScale, { dims: [64, 2], data: unit });
    for await (const step of samplers[plan.sampler](mixtureDenoiser(mixture), x, plan.sigmas, {
      ...plan.options,
      noise,
    }))
      x = step.x;
    const end = scale(plan.endScale, x);
    expect(end.data).toBeInstanceOf(Float32Array);
    // Every point ends near one of the two narrow parts, and both are reached.
    const parts = Array.from({ length: 64 }, (_, i) => {
      const [a, b] = [end.data[2 * i] ?? NaN, end.data[2 * i + 1] ?? NaN];
      return mixture.findIndex(({ mean }) => Math.hypot(a - (mean[0] ?? NaN), b - (mean[1] ?? NaN)) < 0.5);
    });
    const found = parts.filter((part) => part >= 0).length;
    expect(found).toBeGreaterThanOrEqual(60);
    expect(new Set(parts.filter((part) => part >= 0)).size).toBe(2);
  });

  it.each(['LCMScheduler', 'TCDScheduler'])('%s takes all its steps below the strength, as diffusers does', (name) => {
    const config = parseSchedulerConfig({ _class_name: name });
    const timesteps = (request: object): readonly number[] =>
      planSampling(config, { stepCount: 4, strength: 0.5, ...request }).timesteps;
    expect(timesteps({})).toEqual([499, 379, 259, 139]);
    expect(timesteps({ originalSteps: 20 })).toEqual([499, 399, 249, 149]);
    expect(timesteps({ timesteps: [999, 759, 499, 259] })).toEqual([499, 259]);
    expect(() => timesteps({ stepCount: 26 })).toThrow('steps: expected at most 25, got 26');
    expect(() => timesteps({ timesteps: [999, 499], strength: 0.4 })).toThrow(
      'strength: expected at least 0.5, got 0.4',
    );
  });

  it.each(sigmaSpacings)('spaces the noise levels as asked: %s', (sigmaSpacing) => {
    for (const family of ['eps', 'flow', 'edm'] as const) {
      const request = { stepCount: 10, sampler: family === 'eps' ? 'euler' : null, sigmaSpacing } as const;
      const config = parseSchedulerConfig(families[family]);
      if (family === 'edm' && (sigmaSpacing === 'beta' || sigmaSpacing === 'lu')) {
        expect(() => planSampling(config, request)).toThrow('sigma spacing');
        continue;
      }
      const { sigmas } = planSampling(config, request);
      expect(sigmas).toHaveLength(11);
      expect(sigmas.every((sigma, i) => i === 0 || sigma < (sigmas[i - 1] ?? 0))).toBe(true);
    }
  });

  it.each([
    ['no steps', families.eps, { stepCount: 0 }, 'steps'],
    ['half a step', families.eps, { stepCount: 2.5 }, 'steps'],
    ['more steps than a distilled model has', { _class_name: 'LCMScheduler' }, { stepCount: 51 }, 'steps'],
    [
      'a spacing in sigma for DDIM',
      families.eps,
      { stepCount: 5, sampler: 'ddim', sigmaSpacing: 'karras' },
      'sigma spacing',
    ],
    ['DDPM on a flow', families.flow, { stepCount: 5, sampler: 'ddpm' }, 'flow model'],
    ['a dynamic shift without mu', { ...families.flow, use_dynamic_shifting: true }, { stepCount: 5 }, 'mu'],
    ['timesteps that ascend', families.eps, { stepCount: 2, sampler: 'ddpm', timesteps: [1, 2] }, 'timesteps'],
  ] as const)('refuses %s', (_what, config, request, message) => {
    expect(() => planSampling(parseSchedulerConfig(config), request)).toThrow(
      expect.objectContaining({ code: 'bad-input', message: expect.stringContaining(message) }),
    );
  });
});

describe('flow matching', () => {
  it('is exact from t = 1 on: one Euler step of a constant velocity', async () => {
    const plan = planSampling(parseSchedulerConfig(families.flow), { stepCount: 1 });
    const noise = { dims: [1, 3], data: Float64Array.of(0.5, -1, 2) };
    const velocity = { dims: [1, 3], data: Float64Array.of(1, 2, -0.25) };
    const seen: { input: Tensor; timestep: number }[] = [];
    const denoise = denoiserOf(async (input, timestep) => {
      seen.push({ input, timestep });
      return velocity;
    }, plan.parameterization);
    let x: Tensor = scale(plan.startScale, noise);
    for await (const step of samplers[plan.sampler](denoise, x, plan.sigmas, plan.options)) x = step.x;
    expect(seen.map(({ timestep }) => timestep)).toEqual([1000]);
    const close = (got: Tensor, expected: Tensor): void => {
      expected.data.forEach((value: number, i: number) => {
        expect(got.data[i]).toBeCloseTo(value, 10);
      });
    };
    close(seen[0]?.input ?? noise, noise);
    close(x, combine([1, noise], [-1, velocity]));
    expect(flowScale(plan.sigmas[0] ?? NaN) * plan.startScale).toBeCloseTo(1, 12);
  });
});

describe('a run', () => {
  it('continues in the middle as if it had begun there', async () => {
    const plan = planSampling(parseSchedulerConfig(families.eps), { stepCount: 12, sampler: 'dpm++2m' });
    const x = { dims: [1, 2], data: Float64Array.of(3, -2) };
    const steps = samplers['dpm++2m'](mixtureDenoiser(mixture), x, plan.sigmas, { ...plan.options, startStep: 7 });
    const numbers: number[] = [];
    for await (const { step, stepCount, sigma } of steps) {
      expect([stepCount, sigma]).toEqual([12, plan.sigmas[step]]);
      numbers.push(step);
    }
    expect(numbers).toEqual([8, 9, 10, 11, 12]);
  });

  const deterministic = samplerNames.filter(
    (name) => !['ddpm', 'euler-ancestral', 'kdpm2-ancestral', 'dpm++2m-sde', 'dpm++sde', 'lcm', 'tcd'].includes(name),
  );
  it.each(deterministic)('by %s from the middle ends where the whole run ends', async (sampler) => {
    const plan = planSampling(parseSchedulerConfig(families.eps), { stepCount: 60, sampler });
    const run = async (x: Tensor, startStep: number): Promise<Tensor[]> => {
      const samples: Tensor[] = [];
      const steps = samplers[plan.sampler](mixtureDenoiser(mixture), x, plan.sigmas, { ...plan.options, startStep });
      for await (const step of steps) samples.push(step.x);
      return samples;
    };
    const start = { dims: [2, 2], data: Float64Array.of(9, -4, -7, 3) };
    const whole = await run(start, 0);
    const rest = await run(whole[29] ?? start, 30);
    expect(rest).toHaveLength(30);
    const [a, b] = [whole.at(-1), rest.at(-1)];
    const distance = Math.hypot(...Array.from(a?.data ?? [], (value, i) => value - (b?.data[i] ?? NaN)));
    expect(distance).toBeLessThan(0.02);
  });

  it('stops between steps', async () => {
    const controller = new AbortController();
    const x = { dims: [1, 2], data: Float64Array.of(3, -2) };
    const steps = samplers.euler(mixtureDenoiser(mixture), x, [3, 2, 1, 0], { signal: controller.signal });
    await steps.next();
    controller.abort();
    await expect(steps.next()).rejects.toThrow('abort');
  });

  it('fails at the step where a value is not finite, and names it', async () => {
    const x = { dims: [1, 1], data: Float64Array.of(1) };
    let calls = 0;
    const steps = samplers.euler(
      async (at) => ({ dims: at.dims, data: Float64Array.of((calls += 1) === 2 ? NaN : 0) }),
      x,
      [4, 2, 1, 0],
    );
    await steps.next();
    await expect(steps.next()).rejects.toMatchObject({
      code: 'non-finite',
      message: expect.stringContaining('step 2 of 3, sigma 2'),
    });
  });
});
