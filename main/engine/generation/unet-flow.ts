import { Failure } from '../../contract/failures.ts';
import type { VectorJacobianField, VelocityField } from '../diffusion/likelihood.ts';
import { noiseOfOutput, noisePredictorOf, type Parameterization } from '../diffusion/parameterization.ts';
import { sourceAtFloat32 } from '../runtime/at-float32.ts';
import type { ModelSession, ModelSource } from '../runtime/session.ts';
import { scale } from '../tensor/arithmetic.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { cotangent, gradientModel } from './gradient-model.ts';
import { runUnet } from './unet-network.ts';

const output = 'out_sample';
const gradient = 'grad_sample';

/** The U-Net at float32: half precision loses the differences that likelihoods are made of (PAPERS.md §1f). */
export function unetAtFloat32(path: string): ModelSource {
  return { kind: 'derived', name: 'at float32', path, make: () => sourceAtFloat32(path) ?? { kind: 'file', path } };
}

/** The U-Net with the vector–Jacobian product of its output by its sample (`gradientModel`). */
export function unetGradient(path: string): ModelSource {
  return gradientModel(path, output, 'sample');
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
