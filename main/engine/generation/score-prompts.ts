import { Failure, toFailure } from '../../contract/failures.ts';
import type { ProviderReport } from '../../contract/images.ts';
import { note } from '../../contract/notes.ts';
import {
  byFiniteDifferences,
  byVectorJacobianProducts,
  logLikelihood,
  rademacherProbes,
  type LikelihoodEstimate,
} from '../diffusion/likelihood.ts';
import { likelihoodRange, type LikelihoodRange } from '../diffusion/likelihood-range.ts';
import { dormandPrince, logSpaced, rungeKutta4, type DivergenceField, type OdeSolver } from '../diffusion/ode.ts';
import { parseSchedulerConfig } from '../diffusion/scheduler-config.ts';
import type { EngineContext } from '../protocol.ts';
import type { ModelSession } from '../runtime/session.ts';
import { philoxStream } from '../tensor/philox.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { encodeImage } from './autoencoder.ts';
import type { DiffusionModel } from './diffusion-model.ts';
import type { Picture, TokenWindows } from './generation-request.ts';
import { fromPicture, repeatRows } from './pictures.ts';
import { encodePrompt } from './text-condition.ts';
import { unetAtFloat32, unetGradient, unetVectorJacobian, unetVelocity } from './unet-flow.ts';

export const divergenceMethods = ['vector-jacobian', 'finite-differences'] as const;
export type DivergenceMethod = (typeof divergenceMethods)[number];

/** Runge–Kutta steps of order 4, even in log sigma; or Dormand–Prince steps as long as a tolerance allows. */
export const likelihoodSolvers = ['rk4', 'dormand-prince'] as const;
export type LikelihoodSolver = (typeof likelihoodSolvers)[number];

/** What the engine needs to score one image under several prompts. Plain data. */
export interface LikelihoodInput {
  readonly model: DiffusionModel;
  /** An explicit choice of execution provider; null takes the best that works. */
  readonly provider: string | null;
  readonly image: Picture;
  readonly prompts: readonly TokenWindows[];
  /** The prompt of nothing: fills up the shorter ones. */
  readonly empty: TokenWindows;
  readonly solver: LikelihoodSolver;
  /** Of rk4. */
  readonly stepCount: number;
  /** Of dormand-prince: the error of a step, absolute and relative, in root mean square over latent and integrals. */
  readonly tolerance: number;
  readonly probeCount: number;
  /** Decides the probes. */
  readonly seed: number;
  /** null: by vector–Jacobian products where the model allows it, else by finite differences with a note. */
  readonly method: DivergenceMethod | null;
}

export type LikelihoodEvent =
  | { readonly kind: 'progress'; readonly done: number; readonly all: number }
  | {
      readonly kind: 'scored';
      /** In the order of the prompts. */
      readonly estimates: readonly LikelihoodEstimate[];
      readonly method: DivergenceMethod;
      readonly sigmaMin: number;
      readonly sigmaMax: number;
      /** Steps taken; where prompts were integrated apart, the most that one of them took. */
      readonly stepCount: number;
      /** Calls of the network, each for one prompt. */
      readonly evaluations: number;
      readonly provider: ProviderReport;
      readonly notes: readonly string[];
    };

/** Latent values in one call of the network, of all prompts together. */
const latentsPerCall = 64 * 64;
/** δ of finite differences, in sigma: at float32 the built-in U-Net is biased by some nats at 0.03 and not yet rounded at 0.001. */
const relativeDelta = 0.001;

/**
 * log p of an image's latent under each prompt (`logLikelihood`), by the probability flow from the model's `sigmaMin` to its
 * `sigmaMax` (`likelihoodRange`), by the solver asked for. The latent is the mean of the encoder's distribution; probes are
 * the same for every prompt, and rk4's levels too, so that differences carry little of their noise.
 *
 * @throws Failure `unsupported` for a package without an image encoder, `interrupted` between two calls of the network
 */
export async function* scorePrompts(
  input: LikelihoodInput,
  context: EngineContext,
): AsyncGenerator<LikelihoodEvent, void, void> {
  const { sessions, signal } = context;
  const { files, latent, scheduler } = input.model;
  for (const [name, value] of [
    ['steps', input.stepCount],
    ['probes', input.probeCount],
  ] as const)
    if (!Number.isInteger(value) || value < 1)
      throw new Failure('bad-input', `${name}: expected a whole number from 1, got ${value}`, name);
  if (!(input.tolerance > 0 && Number.isFinite(input.tolerance)))
    throw new Failure('bad-input', `tolerance: expected a number above 0, got ${input.tolerance}`, 'tolerance');
  if (files.vaeEncoder === null)
    throw new Failure('unsupported', 'image: the model has no image encoder, so it cannot score an image', 'image');
  const range = likelihoodRange(parseSchedulerConfig(scheduler));
  const encoder = await sessions.open({ kind: 'file', path: files.vaeEncoder }, input.provider);
  const x0 = await encodeImage(encoder, fromPicture(input.image), latent, signal);
  const textEncoder = await sessions.open({ kind: 'file', path: files.textEncoder }, input.provider);
  const { distinct, indices } = distinctPrompts(input);
  const conditions: Tensor[] = [];
  for (const windows of distinct) conditions.push(await encodePrompt(textEncoder, windows, signal));

  const probes = rademacherProbes(x0.dims, input.probeCount, [philoxStream(input.seed, 0, 'probes')]);
  const network = await openNetwork(input, range, context, x0, conditions[0] ?? x0, probes[0] ?? x0);
  const { notes, method, unet } = network;
  const counts = unet.inputs.find(({ name }) => name === 'timestep')?.type.startsWith('int') === true;
  if (counts) notes.push(note('wholeTimesteps'));

  const callsOfEvaluation = method === 'vector-jacobian' ? input.probeCount : 1 + 2 * input.probeCount;
  const atOnce = Math.max(1, Math.floor(latentsPerCall / ((x0.dims[2] ?? 1) * (x0.dims[3] ?? 1))));
  const adapts = input.solver === 'dormand-prince';
  if (adapts && distinct.length > atOnce)
    notes.push(atOnce === 1 ? note('promptsApart') : note('promptGroupsApart', { prompts: atOnce }));
  const estimates: LikelihoodEstimate[] = [];
  // Known of rk4; of dormand-prince as many as it comes to at the present pace.
  let all = 4 * (adapts ? 2 : input.stepCount) * callsOfEvaluation * distinct.length;
  let done = 0;
  let stepCount = 0;
  yield { kind: 'progress', done, all };
  for (let from = 0; from < distinct.length; from += atOnce) {
    const part = conditions.slice(from, from + atOnce);
    const scored = logLikelihood(repeatRows(x0, part.length), {
      field: fieldOf(network, range, part, probes, signal),
      probeCount: input.probeCount,
      solver: solverOf(input, range),
      prior: { standardDeviation: range.sigmaMax },
      signal,
    });
    let step = await scored.next();
    let steps = 0;
    for (; step.done !== true; step = await scored.next()) {
      steps += 1;
      const { time, evaluations } = step.value;
      const now = done + evaluations * callsOfEvaluation * part.length;
      const share = (from + part.length * doneOf(range, time)) / distinct.length;
      if (adapts) all = Math.max(now, Math.round(now / share));
      yield { kind: 'progress', done: now, all };
    }
    done += step.value.evaluations * callsOfEvaluation * part.length;
    stepCount = Math.max(stepCount, steps);
    estimates.push(...step.value.images);
  }
  yield {
    kind: 'scored',
    estimates: indices.map((index) => estimates[index]).filter((estimate) => estimate !== undefined),
    method,
    sigmaMin: range.sigmaMin,
    sigmaMax: range.sigmaMax,
    stepCount,
    evaluations: done,
    provider: unet.provider,
    notes,
  };
}

function solverOf({ solver, stepCount, tolerance }: LikelihoodInput, range: LikelihoodRange): OdeSolver {
  const { sigmaMin: from, sigmaMax: to } = range;
  if (solver === 'rk4') return rungeKutta4(logSpaced(from, to, stepCount));
  return dormandPrince({ from, to, absolute: tolerance, relative: tolerance });
}

/** The share of the levels up to sigma, in their logarithm. */
function doneOf({ sigmaMin, sigmaMax }: LikelihoodRange, sigma: number): number {
  return Math.log(sigma / sigmaMin) / Math.log(sigmaMax / sigmaMin);
}

/** Prompts of one length, each once, and where each prompt asked for is found: equal prompts have equal likelihoods. */
function distinctPrompts({ prompts, empty }: LikelihoodInput) {
  const length = Math.max(...prompts.map((windows) => windows.length));
  const keys = new Map<string, number>();
  const distinct: TokenWindows[] = [];
  const indices = prompts.map((windows) => {
    const filled = [...windows, ...Array.from({ length: length - windows.length }, () => empty[0] ?? [])];
    const key = JSON.stringify(filled);
    const known = keys.get(key) ?? distinct.push(filled) - 1;
    keys.set(key, known);
    return known;
  });
  return { distinct, indices };
}

interface Network {
  readonly method: DivergenceMethod;
  readonly unet: ModelSession;
  readonly notes: string[];
}

/** The network by the method asked for, or by the first one that works; it is tried once before anything is counted. */
async function openNetwork(
  { model, provider, method }: LikelihoodInput,
  { parameterization, sigmaMin }: LikelihoodRange,
  { sessions, signal }: EngineContext,
  x0: Tensor,
  condition: Tensor,
  probe: Tensor,
): Promise<Network> {
  const notes: string[] = [];
  if (method !== 'finite-differences') {
    try {
      const unet = await sessions.open(unetGradient(model.files.unet), provider);
      await unetVectorJacobian(unet, parameterization, condition, signal)(x0, sigmaMin, probe);
      return { method: 'vector-jacobian', unet, notes };
    } catch (error) {
      const failure = toFailure(error);
      const mayFallBack = failure.code === 'unsupported' || failure.code === 'model-broken';
      if (method !== null || !mayFallBack) throw failure;
      notes.push(note('finiteDifferences', { reason: failure.message }));
    }
  }
  const unet = await sessions.open(unetAtFloat32(model.files.unet), provider);
  return { method: 'finite-differences', unet, notes };
}

function fieldOf(
  { method, unet }: Network,
  { parameterization }: LikelihoodRange,
  conditions: readonly Tensor[],
  probes: readonly Tensor[],
  signal: AbortSignal,
): DivergenceField {
  const [, tokens = 0, width = 0] = conditions[0]?.dims ?? [];
  const joined = new Float32Array(conditions.length * tokens * width);
  conditions.forEach(({ data }, row) => {
    joined.set(data, row * tokens * width);
  });
  const condition: Tensor = { dims: [conditions.length, tokens, width], data: joined };
  const shared = probes.map((probe) => repeatRows(probe, conditions.length));
  return method === 'vector-jacobian'
    ? byVectorJacobianProducts(unetVectorJacobian(unet, parameterization, condition, signal), shared)
    : byFiniteDifferences(
        unetVelocity(unet, parameterization, condition, signal),
        shared,
        (sigma) => relativeDelta * sigma,
      );
}
