import { Failure } from '../../contract/failures.ts';
import { combine, scale } from '../tensor/arithmetic.ts';
import { torchCpuStream } from '../tensor/torch-random.ts';
import { sizeOf, type Tensor } from '../tensor/tensor.ts';
import type { ConformanceCase, ConformanceResult } from './conformance-cases.ts';
import { ddimInversion, planInversion } from './ddim-inversion.ts';
import type { Denoiser } from './denoiser.ts';
import { streamNoise } from './noise-source.ts';
import {
  denoisedOf,
  noiseOfOutput,
  rereadDenoised,
  variancePreservingScale,
  type Parameterization,
} from './parameterization.ts';
import { limitOf, planSampling, predictions, type SamplingPlan } from './sampling-plan.ts';
import { samplers } from './samplers/index.ts';
import { sigmaAt, type SamplerOptions, type SamplingStep } from './samplers/sampler.ts';
import { parseSchedulerConfig, schedulerFields, type SchedulerConfig } from './scheduler-config.ts';

/** What a float64 run must agree to, relative. */
const relativeTolerance = 1e-6;

/** Sums below this are rounding errors: the sample's values are of size one. */
const smallestSum = 1e-12;

/** The file's sample D and noise N: arange(n), or the same backwards, over n, laid out with the batch last. */
function dummy(shape: readonly number[], valueAt: (index: number, n: number) => number): Tensor {
  const n = sizeOf(shape);
  const [batch = 1] = shape;
  const imageSize = n / batch;
  const data = new Float64Array(n);
  for (let b = 0; b < batch; b++)
    for (let i = 0; i < imageSize; i++) data[b * imageSize + i] = valueAt(i * batch + b, n);
  return { dims: shape, data };
}

/** The file's network: x · t/(t + 1). */
const dummyNetwork = (x: Tensor, timestep: number): Tensor => scale(timestep / (timestep + 1), x);

/** The scheduler of a case. A field nobody knows fails it, for it may change the figures. */
export function schedulerOfCase(scheduler: string, fields: Readonly<Record<string, unknown>>): SchedulerConfig {
  const config = parseSchedulerConfig({ ...fields, _class_name: scheduler });
  const unknown = Object.keys(fields).find((field) => !field.startsWith('_') && !schedulerFields.includes(field));
  if (unknown !== undefined && fields[unknown] !== null)
    throw new Failure('unsupported', `config: the field '${unknown}' is not known`, unknown);
  return config;
}

/** What the case asks of the scheduler. Without a number of steps its loop takes the training timesteps themselves. */
function planOf(given: ConformanceCase, config: SchedulerConfig): SamplingPlan {
  const asked = given.setTimestepsKwargs ?? {};
  const timesteps = asked.timesteps ?? given.customTimesteps ?? undefined;
  const sigmas = asked.sigmas ?? given.customSigmas ?? undefined;
  const ownCount = sigmas && config.schedulerClass === 'EulerDiscreteScheduler' ? sigmas.length - 1 : sigmas?.length;
  const stepCount = ownCount ?? timesteps?.length ?? given.numInferenceSteps ?? config.num_train_timesteps;
  const isWhole = ownCount === undefined && !timesteps && !given.numInferenceSteps;
  return planSampling(isWhole ? { ...config, timestep_spacing: 'leading', steps_offset: 0 } : config, {
    stepCount,
    eta: given.stepKwargs?.eta ?? undefined,
    mu: asked.mu ?? given.mu ?? undefined,
    timesteps,
    sigmas,
    originalSteps: asked.original_inference_steps ?? undefined,
    strength: asked.strength ?? undefined,
    firstCall: config.schedulerClass === 'PNDMScheduler' ? (given.startIndex ?? 0) : undefined,
  });
}

/** The step that the loop begins with: its index counts calls of the network, of which some steps make two. */
function startStepOf({ id, startIndex }: ConformanceCase, { sampler }: SamplingPlan): number {
  const index = startIndex ?? 0;
  if (sampler === 'pndm') return 0; // the plan begins there
  if (!callsTwice.includes(sampler)) return index;
  if (index % 2 === 1)
    throw new Failure('unsupported', `case ${id}: expected an even startIndex where steps call twice, got ${index}`);
  return index / 2;
}

const callsTwice: readonly SamplingPlan['sampler'][] = ['heun', 'flow-match-heun', 'kdpm2', 'kdpm2-ancestral'];

/** Runs one case in double precision; `onStep` sees the scheduler's own sample after each step. */
export async function runConformanceCase(
  given: ConformanceCase,
  onStep: (sample: Tensor) => void = () => undefined,
): Promise<Tensor> {
  const config = schedulerOfCase(given.scheduler, given.config);
  if (config.schedulerClass === 'DDIMInverseScheduler') return runInversion(given, config, onStep);
  const plan = planOf(given, config);
  const startStep = startStepOf(given, plan);
  const options: SamplerOptions = {
    ...plan.options,
    ...stepOptions(given, plan),
    startStep,
    countSkippedSteps: true,
    noise: streamNoise(torchCpuStream(0)),
  };
  const run = samplers[plan.sampler](
    denoiserOfLoop(given, plan),
    startSample(given, plan, startStep),
    plan.sigmas,
    options,
  );
  return finish(run, plan.sampleScale, onStep);
}

function stepOptions({ stepKwargs }: ConformanceCase, { parameterization, sampler }: SamplingPlan): SamplerOptions {
  return {
    ...(sampler === 'lms' && stepKwargs?.order ? { order: stepKwargs.order } : {}),
    noiseFromLimited: stepKwargs?.use_clipped_model_output ?? false,
    churn: {
      // Euler's method for flow matching has the argument and does not use it.
      amount: sampler === 'flow-match-euler' ? 0 : (stepKwargs?.s_churn ?? 0),
      reread: (at, noisier) => rereadDenoised(parameterization, at, noisier),
      sigmaMin: stepKwargs?.s_tmin ?? 0,
      sigmaMax: stepKwargs?.s_tmax ?? Infinity,
      noiseScale: stepKwargs?.s_noise ?? 1,
    },
  };
}

/** D, scaled or noised as the loop says, as x. */
function startSample({ loop, shape }: ConformanceCase, plan: SamplingPlan, startStep: number): Tensor {
  const sigma = sigmaAt(plan.sigmas, startStep);
  const sampleScale = plan.sampleScale(sigma);
  const d = dummy(shape, (index, n) => index / n);
  const isScaled = loop.startsWith('scaled');
  const initNoiseSigma = plan.startScale * plan.sampleScale(sigmaAt(plan.sigmas, 0));
  const own = isScaled ? scale(initNoiseSigma, d) : d;
  if (!loop.endsWith('noise')) return scale(1 / sampleScale, own);
  // sqrt(ᾱ) D + sqrt(1 − ᾱ) N, or D + sigma N: the same x
  const n = dummy(shape, (index, size) => (size - 1 - index) / size);
  return combine([1, own], [sigma, n]);
}

/**
 * The network as the loop calls it. In the `scaled` loops the suite overwrites its sample by the scaled one before the step; the
 * same is done here, on purpose and against the contract of denoisers, by writing through x.
 */
function denoiserOfLoop({ loop }: ConformanceCase, plan: SamplingPlan): Denoiser {
  const { parameterization } = plan;
  const overwrites = loop === 'scaled' || loop === 'scaled-noise';
  const isScaled = loop.startsWith('scaled');
  return async (x, sigma) => {
    const input = scale(isScaled ? parameterization.inputScale(sigma) : plan.sampleScale(sigma), x);
    if (overwrites) x.data.set(scale(1 / plan.sampleScale(sigma), input).data);
    return denoisedOf(parameterization, x, dummyNetwork(input, parameterization.timestep(sigma)), sigma);
  };
}

async function runInversion(
  given: ConformanceCase,
  config: SchedulerConfig,
  onStep: (sample: Tensor) => void,
): Promise<Tensor> {
  if (given.loop.endsWith('noise') || given.startIndex)
    throw new Failure(
      'unsupported',
      `case ${given.id}: an inversion begins at the data, not in the loop '${given.loop}'`,
    );
  const plan = planInversion(config, given.numInferenceSteps ?? config.num_train_timesteps);
  const parameterization: Parameterization = {
    prediction: predictions[config.prediction_type],
    inputScale: variancePreservingScale,
    timestep: () => NaN, // told step by step
  };
  const d = dummy(given.shape, (index, n) => index / n);
  const run = ddimInversion(
    async (x, sigma, timestep) => {
      const output = dummyNetwork(scale(variancePreservingScale(sigma), x), timestep);
      return noiseOfOutput(parameterization, x, output, sigma);
    },
    scale(1 / variancePreservingScale(sigmaAt(plan.sigmas, 0)), d),
    plan,
    limitOf(config),
  );
  return finish(run, variancePreservingScale, onStep);
}

/** Drains a run and returns the scheduler's own final sample. */
async function finish(
  run: AsyncGenerator<SamplingStep, Tensor>,
  sampleScale: (sigma: number) => number,
  onStep: (sample: Tensor) => void,
): Promise<Tensor> {
  let sample: Tensor | undefined;
  for await (const { x, sigma } of run) onStep((sample = scale(sampleScale(sigma), x)));
  if (sample === undefined) throw new Failure('bad-input', 'conformance case: expected at least one step');
  return sample;
}

/** Σ |x|. */
export function absSum({ data }: Tensor): number {
  let sum = 0;
  for (const value of data) sum += Math.abs(value);
  return sum;
}

/** Runs a case and compares Σ |x| with its float64 figure, or with the float32 one where there is no other. */
export async function checkConformanceCase(given: ConformanceCase): Promise<ConformanceResult> {
  const float64 = given.measured?.float64?.absSum;
  const expected = float64 ?? given.measured?.float32?.absSum ?? given.expectedAbsSum;
  if (expected === null || expected === undefined)
    throw new Failure('bad-input', `case ${given.id}: expected a figure in measured or expectedAbsSum`);
  const tolerance =
    typeof float64 === 'number'
      ? Math.max(relativeTolerance * Math.abs(float64), smallestSum)
      : (given.toleranceSum ?? 1e-5 * Math.abs(expected));
  const got = absSum(await runConformanceCase(given));
  return { id: given.id, expected, got, tolerance, pass: Math.abs(got - expected) <= tolerance };
}
