import { Failure } from '../../../contract/failures.ts';
import type { SamplerName } from '../../../contract/settings.ts';
import type { SamplingRequest } from '../sampling-plan.ts';
import { classOfSampler, type SchedulerConfig } from '../scheduler-config.ts';

/** Samplers that run on the training timesteps only; a spacing in sigma means nothing to them. */
const ofTheTimesteps: readonly SamplerName[] = ['ddpm', 'ddim', 'pndm', 'lcm', 'tcd'];

/**
 * The configuration a model's scheduler would have if it were the requested sampler with the requested spacing: what the model
 * was trained with stays, the solver's own settings take their defaults.
 */
export function asSampler(config: SchedulerConfig, request: SamplingRequest): SchedulerConfig {
  const { sampler, sigmaSpacing = 'model' } = request;
  const switched = sampler && sampler !== config.sampler ? switchTo(config, sampler, request) : config;
  if (sigmaSpacing === 'model') return switched;
  if (ofTheTimesteps.includes(switched.sampler))
    throw new Failure(
      'bad-input',
      `sigma spacing: '${switched.sampler}' runs on the model's own timesteps and takes only 'model', got '${sigmaSpacing}'`,
      'sigmaSpacing',
    );
  if (isEdmModel(switched)) {
    if (sigmaSpacing !== 'karras' && sigmaSpacing !== 'exponential')
      throw new Failure(
        'bad-input',
        `sigma spacing: an EDM model takes 'model', 'karras' or 'exponential', got '${sigmaSpacing}'`,
        'sigmaSpacing',
      );
    return { ...switched, sigma_schedule: sigmaSpacing };
  }
  if (switched.use_flow_sigmas)
    throw new Failure(
      'bad-input',
      `sigma spacing: '${switched.sampler}' on a flow model takes only 'model', got '${sigmaSpacing}'`,
      'sigmaSpacing',
    );
  const isFlow = switched.schedulerClass.startsWith('FlowMatch');
  return {
    ...switched,
    use_karras_sigmas: sigmaSpacing === 'karras',
    // Lu's spacing with its rho of 1 is the exponential one; flow schedulers know it by that name only.
    use_exponential_sigmas: sigmaSpacing === 'exponential' || (isFlow && sigmaSpacing === 'lu'),
    use_beta_sigmas: sigmaSpacing === 'beta',
    use_lu_lambdas: !isFlow && sigmaSpacing === 'lu',
  };
}

/** Whether the network is preconditioned as EDM's are. */
export function isEdmModel({ schedulerClass }: SchedulerConfig): boolean {
  return schedulerClass.startsWith('EDM');
}

function switchTo(config: SchedulerConfig, sampler: SamplerName, { mu }: SamplingRequest): SchedulerConfig {
  const solver: Partial<SchedulerConfig> = {
    sampler,
    solver_order: sampler === 'dpm++3m' ? 3 : 2,
    algorithm_type: sampler === 'dpm++2m-sde' ? 'sde-dpmsolver++' : 'dpmsolver++',
    solver_type: undefined,
    lower_order_final: true,
    euler_at_final: false,
    final_sigmas_type: 'zero',
    thresholding: false,
    lambda_min_clipped: -Infinity,
    skip_prk_steps: sampler === 'pndm',
  };
  // In x = x0 + sigma · noise every sampler runs on the noise levels of an EDM model.
  if (isEdmModel(config)) return { ...config, ...solver };
  if (config.prediction_type === 'flow_prediction') return switchFlow({ ...config, ...solver }, mu);
  const plain: Partial<Record<SamplerName, SamplerName>> = {
    'flow-match-euler': 'euler',
    'flow-match-heun': 'heun',
    'edm-euler': 'euler',
    'edm-dpm++2m': 'dpm++2m',
  };
  const name = plain[sampler] ?? sampler;
  return { ...config, ...solver, sampler: name, schedulerClass: classOfSampler(name) };
}

/** One-step samplers keep the flow's own levels, which begin at pure noise; the others begin just below it. */
function switchFlow(config: SchedulerConfig, mu: number | undefined): SchedulerConfig {
  if ((['euler', 'euler-ancestral', 'ddim', 'lcm', 'flow-match-euler'] as SamplerName[]).includes(config.sampler))
    return { ...config, schedulerClass: 'FlowMatchEulerDiscreteScheduler' };
  if (config.sampler === 'flow-match-heun') return { ...config, schedulerClass: 'FlowMatchHeunDiscreteScheduler' };
  if (ofTheTimesteps.includes(config.sampler))
    throw new Failure(
      'bad-input',
      `sampler: '${config.sampler}' needs a diffusion model, and this is a flow model`,
      'sampler',
    );
  if (config.use_dynamic_shifting && mu === undefined)
    throw new Failure('bad-input', 'mu: this scheduler shifts by the image size and needs mu', 'mu');
  const shift = config.time_shift_type === 'exponential' ? Math.exp(mu ?? 0) : (mu ?? 1);
  return {
    ...config,
    schedulerClass: 'DPMSolverMultistepScheduler',
    use_flow_sigmas: true,
    flow_shift: config.use_dynamic_shifting
      ? shift
      : config.schedulerClass.startsWith('Flow')
        ? config.shift
        : config.flow_shift,
  };
}
