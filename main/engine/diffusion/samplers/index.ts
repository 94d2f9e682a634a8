import type { SamplerName } from '../../../contract/settings.ts';
import { ddim } from './ddim.ts';
import { ddpm } from './ddpm.ts';
import { deis } from './deis.ts';
import { dpmMultistep } from './dpm-multistep.ts';
import { dpmSde } from './dpm-sde.ts';
import { dpmSinglestep } from './dpm-singlestep.ts';
import { euler } from './euler.ts';
import { eulerAncestral } from './euler-ancestral.ts';
import { flowMatchEuler } from './flow-match-euler.ts';
import { flowMatchHeun } from './flow-match-heun.ts';
import { heun } from './heun.ts';
import { kdpm2, kdpm2Ancestral } from './kdpm2.ts';
import { lcm } from './lcm.ts';
import { lms } from './lms.ts';
import { pndm } from './pndm.ts';
import type { Sampler } from './sampler.ts';
import { tcd } from './tcd.ts';
import { unipc } from './unipc.ts';

/** Every sampler by the name that settings use. Names that share a method differ in the options a plan gives them. */
export const samplers = {
  ddpm,
  ddim,
  pndm,
  euler,
  'euler-ancestral': eulerAncestral,
  heun,
  lms,
  kdpm2,
  'kdpm2-ancestral': kdpm2Ancestral,
  'dpm++2m': dpmMultistep,
  'dpm++2m-sde': (denoise, x, sigmas, options = {}) =>
    dpmMultistep(denoise, x, sigmas, { algorithm: 'sde-dpmsolver++', ...options }),
  'dpm++2s': dpmSinglestep,
  'dpm++3m': (denoise, x, sigmas, options = {}) => dpmMultistep(denoise, x, sigmas, { order: 3, ...options }),
  'dpm++sde': dpmSde,
  deis,
  unipc,
  lcm,
  tcd,
  'flow-match-euler': flowMatchEuler,
  'flow-match-heun': flowMatchHeun,
  'edm-euler': euler,
  'edm-dpm++2m': dpmMultistep,
} as const satisfies Record<SamplerName, Sampler>;
