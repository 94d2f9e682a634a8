import { Failure } from '../../contract/failures.ts';
import { differentiate } from '../autodiff/differentiate.ts';
import type { VectorJacobianField, VelocityField } from '../diffusion/likelihood.ts';
import { noiseOfOutput, noisePredictorOf, type Parameterization } from '../diffusion/parameterization.ts';
import { encode } from '../graph/encode.ts';
import { sourceAtFloat32 } from '../runtime/at-float32.ts';
import { freeMemory, loadModelFile } from '../runtime/model-file.ts';
import type { ModelSession, ModelSource } from '../runtime/session.ts';
import { scale } from '../tensor/arithmetic.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { runUnet } from './unet-network.ts';

const output = 'out_sample';
const cotangent = 'cotangent';
const gradient = 'grad_sample';

/** A gradient graph's session keeps its weights, those of the file they came from, and a layout of its own. */
const weightCopies = 3;

/** The U-Net at float32: half precision loses the differences that likelihoods are made of (PAPERS.md §1f). */
export function unetAtFloat32(path: string): ModelSource {
  return { kind: 'derived', name: 'at float32', path, make: () => sourceAtFloat32(path) ?? { kind: 'file', path } };
}

/**
 * The U-Net with the vector–Jacobian product of its output by its sample, at float32; made once as long as its session is
 * kept.
 *
 * Opening it throws Failure `unsupported` when an operator has no gradient rule or memory is short.
 */
export function unetGradient(path: string): ModelSource {
  const make = () => {
    const { model, externalData } = loadModelFile(path);
    const graph = encode(differentiate(model, { output, cotangent, withRespectTo: ['sample'] }));
    const bytes = externalData.reduce((sum, { data }) => sum + data.length, graph.length);
    if (weightCopies * bytes > freeMemory())
      throw new Failure(
        'unsupported',
        `its gradient needs more than ${Math.round((weightCopies * bytes) / 2 ** 20)} MiB`,
      );
    return { kind: 'bytes', name: `gradient of ${path}`, bytes: graph, externalData } as const;
  };
  return { kind: 'derived', name: 'gradient by sample', path, make };
}

/** The probability flow dx/dsigma = noise of a U-Net; conditions [B, L, D], one for each image. */
export function unetVelocity(
  unet: ModelSession,
  parameterization: Parameterization,
  conditions: Tensor,
  signal: AbortSignal,
): VelocityField {
  return noisePredictorOf(async (scaled, timestep) => {
    const [outputs] = await runUnet(unet, scaled, timestep, [conditions], signal, [output]);
    return named(unet, outputs, output);
  }, parameterization);
}

/** The same flow with its vector–Jacobian products, from a session of `unetGradient`. */
export function unetVectorJacobian(
  unet: ModelSession,
  parameterization: Parameterization,
  conditions: Tensor,
  signal: AbortSignal,
): VectorJacobianField {
  return async (x, sigma, v) => {
    const inputScale = parameterization.inputScale(sigma);
    const wanted = [output, gradient];
    const timestep = parameterization.timestep(sigma);
    const more = { [cotangent]: { dims: v.dims, data: Float32Array.from(v.data) } };
    const scaled = scale(inputScale, x);
    const [outputs] = await runUnet(unet, scaled, timestep, [conditions], signal, wanted, more);
    return {
      velocity: noiseOfOutput(parameterization, x, named(unet, outputs, output), sigma),
      // The noise is linear in x and the output, so the same factors join v and the network's own product.
      product: noiseOfOutput(parameterization, v, scale(inputScale, named(unet, outputs, gradient)), sigma),
    };
  };
}

function named(unet: ModelSession, outputs: Readonly<Record<string, Tensor>> | undefined, name: string): Tensor {
  const found = outputs?.[name];
  if (found === undefined) throw new Failure('model-broken', `${unet.name}: expected an output "${name}"`);
  return found;
}
