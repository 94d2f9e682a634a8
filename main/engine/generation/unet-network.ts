import { Failure } from '../../contract/failures.ts';
import type { ConditionedDenoiser } from '../diffusion/guidance/guided.ts';
import { denoisedOf } from '../diffusion/parameterization.ts';
import type { Parameterization } from '../diffusion/parameterization.ts';
import type { Feed, ModelSession } from '../runtime/session.ts';
import { scale } from '../tensor/arithmetic.ts';
import { sizeOf } from '../tensor/tensor.ts';
import type { Tensor } from '../tensor/tensor.ts';

/**
 * A U-Net's outputs for the same samples under several conditions, all in one run: the rows are the images under the first
 * condition, then under the second. (A model with a fixed batch is split by its session.)
 *
 * Door: the U-Net's middle block (latent directions) is read by naming its value in `outputs`; the graph must declare it
 * as an output, which `engine/graph/edit.ts` does. The answer then holds it beside `out_sample`, row by row.
 *
 * @param scaled [B, C, h, w] in the network's own scaling
 * @param conditions each [1, L, D] for all images, or [B, L, D], one for each; all of the same length
 * @param more further inputs, as a gradient graph has them
 * @returns outputs by name, one list entry a condition
 */
export async function runUnet(
  unet: ModelSession,
  scaled: Tensor,
  timestep: number,
  conditions: readonly Tensor[],
  signal: AbortSignal,
  outputs: readonly string[] = ['out_sample'],
  more: Readonly<Record<string, Feed>> = {},
): Promise<readonly Readonly<Record<string, Tensor<Float32Array>>>[]> {
  const [batch = 0, ...rest] = scaled.dims;
  const rows = batch * conditions.length;
  const sample = new Float32Array(rows * sizeOf(rest));
  for (let at = 0; at < conditions.length; at++) sample.set(scaled.data, at * scaled.data.length);
  const given = await unet.run(
    {
      sample: { dims: [rows, ...rest], data: sample },
      timestep: { dims: [rows], data: new Float32Array(rows).fill(timestepFor(unet, timestep)) },
      encoder_hidden_states: stackConditions(conditions, batch),
      ...more,
    },
    outputs,
    signal,
  );
  return conditions.map((_, at) =>
    Object.fromEntries(Object.entries(given).map(([name, value]) => [name, slice(value, at * batch, batch)])),
  );
}

/** The denoiser of a U-Net under conditions (see `ConditionedDenoiser`), each a tensor as `runUnet` takes it. */
export function unetDenoiser(
  unet: ModelSession,
  parameterization: Parameterization,
  signal: AbortSignal,
): ConditionedDenoiser<Tensor> {
  return async (x, sigma, conditions) => {
    const scaled = scale(parameterization.inputScale(sigma), x);
    const outputs = await runUnet(unet, scaled, parameterization.timestep(sigma), conditions, signal);
    return outputs.map(({ out_sample: output }) => {
      if (output === undefined) throw new Failure('model-broken', `${unet.name}: expected an output "out_sample"`);
      return denoisedOf(parameterization, x, output, sigma);
    });
  };
}

/** Networks that count timesteps in whole numbers get the nearest one. */
function timestepFor(unet: ModelSession, timestep: number): number {
  const declared = unet.inputs.find(({ name }) => name === 'timestep');
  return declared?.type.startsWith('int') === true ? Math.round(timestep) : timestep;
}

function stackConditions(conditions: readonly Tensor[], batch: number): { dims: number[]; data: Float32Array } {
  const [, length = 0, width = 0] = conditions[0]?.dims ?? [];
  const size = length * width;
  const data = new Float32Array(conditions.length * batch * size);
  conditions.forEach((condition, at) => {
    if (condition.dims[1] !== length || condition.dims[2] !== width)
      throw new RangeError(`conditions: expected [*, ${length}, ${width}], got [${condition.dims.join(', ')}]`);
    for (let image = 0; image < batch; image++) {
      const from = condition.dims[0] === 1 ? 0 : image * size;
      data.set(condition.data.subarray(from, from + size), (at * batch + image) * size);
    }
  });
  return { dims: [conditions.length * batch, length, width], data };
}

/** Rows `from` up to `from + count`, a view. */
function slice(value: Tensor<Float32Array>, from: number, count: number): Tensor<Float32Array> {
  const size = sizeOf(value.dims.slice(1));
  return { dims: [count, ...value.dims.slice(1)], data: value.data.subarray(from * size, (from + count) * size) };
}
