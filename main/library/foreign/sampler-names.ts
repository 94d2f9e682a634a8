import type { SamplerName, sigmaSpacings } from '../../contract/settings.ts';

type SigmaSpacing = (typeof sigmaSpacings)[number];

/** Our samplers as AUTOMATIC1111's web UI and its descendants show them. */
const a1111Names = {
  ddpm: 'DDPM',
  ddim: 'DDIM',
  pndm: 'PLMS',
  euler: 'Euler',
  'euler-ancestral': 'Euler a',
  heun: 'Heun',
  lms: 'LMS',
  kdpm2: 'DPM2',
  'kdpm2-ancestral': 'DPM2 a',
  'dpm++2m': 'DPM++ 2M',
  'dpm++2m-sde': 'DPM++ 2M SDE',
  'dpm++2s': 'DPM++ 2S',
  'dpm++3m': 'DPM++ 3M',
  'dpm++sde': 'DPM++ SDE',
  deis: 'DEIS',
  unipc: 'UniPC',
  lcm: 'LCM',
  tcd: 'TCD',
  'flow-match-euler': 'Flow Match Euler',
  'flow-match-heun': 'Flow Match Heun',
  'edm-euler': 'EDM Euler',
  'edm-dpm++2m': 'EDM DPM++ 2M',
} as const satisfies Record<SamplerName, string>;

const scheduleNames = {
  model: null,
  karras: 'Karras',
  exponential: 'Exponential',
  beta: 'Beta',
  lu: 'Lu',
} as const satisfies Record<SigmaSpacing, string | null>;

/** ComfyUI's `sampler_name`. Ancestral and SDE forms that we do not have are absent, not approximated. */
const comfyNames: Readonly<Record<string, SamplerName>> = {
  ddpm: 'ddpm',
  ddim: 'ddim',
  euler: 'euler',
  euler_ancestral: 'euler-ancestral',
  heun: 'heun',
  lms: 'lms',
  dpm_2: 'kdpm2',
  dpm_2_ancestral: 'kdpm2-ancestral',
  dpmpp_2m: 'dpm++2m',
  dpmpp_2m_sde: 'dpm++2m-sde',
  dpmpp_2m_sde_gpu: 'dpm++2m-sde',
  dpmpp_sde: 'dpm++sde',
  dpmpp_sde_gpu: 'dpm++sde',
  deis: 'deis',
  uni_pc: 'unipc',
  lcm: 'lcm',
};

const comfySchedulers: Readonly<Record<string, SigmaSpacing>> = {
  normal: 'model',
  simple: 'model',
  karras: 'karras',
  exponential: 'exponential',
  beta: 'beta',
};

/** InvokeAI's `scheduler`: sampler and spacing in one word (`_k` is Karras). */
const invokeNames: Readonly<Record<string, SamplerName>> = {
  ddpm: 'ddpm',
  ddim: 'ddim',
  pndm: 'pndm',
  euler: 'euler',
  euler_a: 'euler-ancestral',
  heun: 'heun',
  lms: 'lms',
  kdpm_2: 'kdpm2',
  kdpm_2_a: 'kdpm2-ancestral',
  dpmpp_2m: 'dpm++2m',
  dpmpp_2m_sde: 'dpm++2m-sde',
  dpmpp_2s: 'dpm++2s',
  dpmpp_3m: 'dpm++3m',
  dpmpp_sde: 'dpm++sde',
  deis: 'deis',
  unipc: 'unipc',
  lcm: 'lcm',
  tcd: 'tcd',
};

export interface SamplerChoice {
  readonly sampler: SamplerName;
  /** null where the other program's word says nothing about it. */
  readonly sigmaSpacing: SigmaSpacing | null;
}

export function a1111SamplerName(sampler: SamplerName): string {
  return a1111Names[sampler];
}

/** null where the model's own spacing is meant, which the web UI writes by leaving the field out. */
export function a1111ScheduleName(spacing: SigmaSpacing): string | null {
  return scheduleNames[spacing];
}

/** Reads "DPM++ 2M Karras" (before 1.9) as well as a sampler with a schedule of its own. */
export function samplerFromA1111(name: string, schedule: string | null): SamplerChoice | null {
  const suffix = /^(.*\S)\s+(Karras|Exponential)$/i.exec(name);
  const base = suffix?.[1] ?? name;
  const sampler = keyOf(a1111Names, base);
  if (sampler === null) return null;
  const word = suffix?.[2] ?? schedule;
  // The web UI's "Automatic" and "Uniform" are the model's own spacing.
  if (word === null || /^(automatic|uniform|normal)$/i.test(word)) return { sampler, sigmaSpacing: null };
  const spacing = keyOf(scheduleNames, word);
  return { sampler, sigmaSpacing: spacing };
}

/** Whether a schedule's word is one that `samplerFromA1111` understands. */
export function isA1111Schedule(word: string): boolean {
  return /^(automatic|uniform|normal)$/i.test(word) || keyOf(scheduleNames, word) !== null;
}

export function samplerFromComfy(name: string): SamplerName | null {
  return own(comfyNames, name);
}

export function spacingFromComfy(name: string): SigmaSpacing | null {
  return own(comfySchedulers, name);
}

export function samplerFromInvoke(name: string): SamplerChoice | null {
  const karras = name.endsWith('_k');
  const sampler = own(invokeNames, karras ? name.slice(0, -2) : name);
  return sampler === null ? null : { sampler, sigmaSpacing: karras ? 'karras' : null };
}

function keyOf<K extends string>(table: Readonly<Record<K, string | null>>, value: string): K | null {
  const lower = value.toLowerCase();
  const found = (Object.keys(table) as K[]).find((key) => table[key]?.toLowerCase() === lower);
  return found ?? null;
}

/** A foreign file may say "constructor": only a table's own rows count. */
function own<V>(table: Readonly<Record<string, V>>, key: string): V | null {
  return Object.hasOwn(table, key) ? (table[key] ?? null) : null;
}
