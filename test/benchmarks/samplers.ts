import { samplerNames } from '../../main/contract/settings.ts';
import { streamNoise } from '../../main/engine/diffusion/noise-source.ts';
import { planSampling } from '../../main/engine/diffusion/sampling-plan.ts';
import { samplers } from '../../main/engine/diffusion/samplers/index.ts';
import { parseSchedulerConfig } from '../../main/engine/diffusion/scheduler-config.ts';
import { scale } from '../../main/engine/tensor/arithmetic.ts';
import { philoxStream } from '../../main/engine/tensor/philox.ts';
import type { Tensor } from '../../main/engine/tensor/tensor.ts';

/**
 * What the samplers themselves cost: milliseconds a step, best of three runs, on latents of 512 × 512 pixels, with a denoiser
 * that costs nothing. The noise of stochastic samplers is part of it.
 */
const dims = [4, 4, 64, 64];
const stepCount = 20;
const config = parseSchedulerConfig({
  _class_name: 'DDIMScheduler',
  beta_start: 0.00085,
  beta_end: 0.012,
  beta_schedule: 'scaled_linear',
  clip_sample: false,
  steps_offset: 1,
});

for (const sampler of samplerNames) {
  const plan = planSampling(config, { stepCount, sampler });
  const start: Tensor = { dims, data: philoxStream(1, 0, 'start').normal(new Float32Array(4 * 4 * 64 * 64)) };
  const denoised = scale(0.1, start);
  let calls = 0;
  let best = Infinity;
  for (let run = 0; run < 3; run++) {
    calls = 0;
    const noise = streamNoise(philoxStream(1, 0, 'step'));
    const denoise = (): Promise<Tensor> => {
      calls += 1;
      return Promise.resolve(denoised);
    };
    const began = performance.now();
    const steps = samplers[plan.sampler](denoise, scale(plan.startScale, start), plan.sigmas, {
      ...plan.options,
      noise,
    });
    for await (const _ of steps);
    best = Math.min(best, (performance.now() - began) / stepCount);
  }
  console.log(
    JSON.stringify({ benchmark: 'samplers', sampler, dims, msPerStep: Number(best.toFixed(3)), modelCalls: calls }),
  );
}
