import { Failure } from '../contract/failures.ts';

/** What a pipeline class stands for, and what its packages may leave unsaid. */
export interface Family {
  readonly name: string;
  /** latent = (code − shift) · scale. */
  readonly vaeScale: number;
  readonly vaeShift: number;
  /** Side of the training images in latent values. */
  readonly sampleSize: number;
  /** null when packages of the family run; else why they do not yet. */
  readonly missing: string | null;
}

/**
 * Door: a family starts to run when its `missing` becomes null and `engine/generation` knows its network.
 * Scales and shifts are those of the published models. A missing `scaling_factor` must be filled in from here: 8, the
 * autoencoder's spatial factor, which some exporters fall back to, gives wrong latents.
 */
const families = {
  'stable-diffusion': { name: 'Stable Diffusion 1/2', vaeScale: 0.18215, vaeShift: 0, sampleSize: 64, missing: null },
  'stable-diffusion-xl': {
    name: 'Stable Diffusion XL',
    vaeScale: 0.13025,
    vaeShift: 0,
    sampleSize: 128,
    missing: 'its second text encoder is not supported yet',
  },
  'stable-diffusion-3': {
    name: 'Stable Diffusion 3',
    vaeScale: 1.5305,
    vaeShift: 0.0609,
    sampleSize: 128,
    missing: 'its transformer and three text encoders are not supported yet',
  },
  flux: {
    name: 'Flux',
    vaeScale: 0.3611,
    vaeShift: 0.1159,
    sampleSize: 128,
    missing: 'its transformer and packed latents are not supported yet',
  },
  'latent-consistency': {
    name: 'Latent Consistency',
    vaeScale: 0.18215,
    vaeShift: 0,
    sampleSize: 64,
    missing: 'its guidance embedding (timestep_cond) is not supported yet',
  },
} satisfies Record<string, Family>;

/** Pipeline classes by the start of their name, longest first. */
const classes: readonly (readonly [string, keyof typeof families])[] = [
  ['StableDiffusionXL', 'stable-diffusion-xl'],
  ['StableDiffusion3', 'stable-diffusion-3'],
  ['LatentConsistency', 'latent-consistency'],
  ['StableDiffusion', 'stable-diffusion'],
  ['Flux', 'flux'],
];

/** The family of a pipeline class as `model_index.json` names it; ONNX exporters put "Onnx" or "ORT" before the name. */
export function familyOf(pipeline: string): Family {
  const plain = pipeline.replace(/^(Onnx|ORT)/, '');
  const found = classes.find(([start]) => plain.startsWith(start));
  if (found === undefined)
    throw new Failure('unsupported', `model_index.json: expected a Stable Diffusion pipeline, got "${pipeline}"`);
  return families[found[1]];
}
