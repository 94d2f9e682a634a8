import { Failure } from '../../contract/failures.ts';
import type { GenerationSettings } from '../../contract/settings.ts';
import { linearSampler } from '../diffusion/linear-sampler.ts';
import type { DiffusionModel } from './diffusion-model.ts';
import { planOfSettings, startStepOf } from './plan-of-settings.ts';

interface Size {
  readonly width: number;
  readonly height: number;
}

/** More calls of the network than this in one run are refused: the gradient passes each of them, every step. */
const mostCalls = 50;

/**
 * Refuses a nudge that cannot be had, before anything is loaded: what is told by settings and sizes alone.
 *
 * @param taken size of the pictures that the feature encoder takes as they are
 * @throws Failure `unsupported`, in one line; `where` is what stands in the way
 */
export async function refuseObstacles(
  model: DiffusionModel,
  settings: GenerationSettings,
  { width, height }: Size,
  taken: Size,
): Promise<void> {
  checkGuidance(settings);
  if (taken.width !== width || taken.height !== height)
    throw new Failure(
      'unsupported',
      `nudge: the feature encoder takes pictures of ${taken.width}x${taken.height} only, this one is ${width}x${height}`,
      'size',
    );
  const plan = planOfSettings(model, settings);
  const { calls } = await linearSampler(plan, settings.image === null ? 0 : startStepOf(settings, plan));
  if (calls.length === 0 || calls.length > mostCalls)
    throw new Failure(
      'unsupported',
      `nudge: expected 1 to ${mostCalls} calls of the network from noise to picture, ${plan.sampler} makes ${calls.length} in these steps`,
      'stepCount',
    );
}

/** Guidance that is a fixed combination of two estimates can be followed back; the rest is refused. */
function checkGuidance(settings: GenerationSettings): void {
  const other =
    (settings.guidingModel !== null && 'autoguidance') ||
    (settings.apg !== null && 'adaptive projected guidance') ||
    (settings.cads !== null && 'condition annealing') ||
    (settings.guidanceRescale > 0 && 'guidance rescale') ||
    (settings.zeroedSteps > 0 && 'CFG-Zero*');
  if (other !== false)
    throw new Failure('unsupported', `nudge: expected plain guidance, the settings ask for ${other}`, 'guidance');
}
