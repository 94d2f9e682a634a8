import { combine } from '../../tensor/arithmetic.ts';
import { solveLinearSystem } from '../../tensor/linear-system.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { integrandOf, isStill, lambdaOf } from './dpm-update.ts';
import { limited, sigmaAt, steps, type Sampler, type SamplerOptions } from './sampler.ts';

type UniPcOptions = NonNullable<SamplerOptions['unipc']>;

/** A past estimate of what is integrated (x0, or the noise), with its place in lambda. */
interface Node {
  readonly lambda: number;
  readonly m: Tensor;
}

/** One step of the method: from the sample x at `sigma` to `sigmaNext`. */
interface Span {
  readonly x: Tensor;
  readonly sigma: number;
  readonly sigmaNext: number;
}

/**
 * UniPC: a multistep predictor whose every sample is corrected once the model has been called there, at no further call.
 * Zhao et al. 2023 (2302.04867), algorithms 5 to 8, with B(h) = h (`bh1`) or e^h − 1 (`bh2`).
 *
 * Reads `order`, `lowerOrderFinal`, `unipc`, `limit`.
 */
export const unipc: Sampler = (denoise, x, sigmas, options = {}) => {
  const { order: highestOrder = 2, lowerOrderFinal = true } = options;
  const method: UniPcOptions = options.unipc ?? { form: 'bh2', predictDenoised: true, disableCorrector: [] };
  const estimate = limited(denoise, options);
  const stepCount = sigmas.length - 1;
  const past: Node[] = []; // newest first
  let last: (Span & { readonly order: number }) | undefined;

  return steps(x, sigmas, options, async (x, i, sigma, sigmaNext) => {
    const denoised = await estimate(x, sigma);
    const m = integrandOf(method.predictDenoised ? 'dpmsolver++' : 'dpmsolver', { x, sigma, denoised });
    const node = { lambda: lambdaOf(sigma), m };
    const corrected =
      last === undefined || method.disableCorrector.includes(i - 1)
        ? x
        : advance(last, past.slice(0, last.order), method, node);
    if (isStill(sigma, sigmaNext)) {
      // The sample is corrected once, not at every visit of its level.
      last = undefined;
      return { x: corrected, denoised };
    }

    past.unshift(node);
    past.length = Math.min(past.length, highestOrder);
    const orderAtEnd = lowerOrderFinal ? stepCount - i : highestOrder;
    const order = sigmaNext === 0 ? 1 : Math.min(highestOrder, past.length, orderAtEnd);
    last = { x: corrected, sigma, sigmaNext, order };
    return { x: advance(last, past.slice(0, order), method), denoised };
  });
};

/**
 * Predictor (without `arrival`) or corrector (with the estimate at the end of the span) of order `past.length`:
 * x' = a x + b m0 + B(h) Σ rho_k (m_k − m0)/r_k, with rho from the order conditions (eq 11 of the paper).
 */
function advance(
  { x, sigma, sigmaNext }: Span,
  past: readonly Node[],
  { form, predictDenoised }: UniPcOptions,
  arrival?: Node,
): Tensor {
  const [newest, ...older] = past;
  if (newest === undefined) throw new RangeError('unipc: expected at least one estimate');
  const h = lambdaOf(sigmaNext) - newest.lambda;
  const signed = predictDenoised ? -h : h;
  // What B(h) is multiplied by: the integral's factor for x0, and for the noise.
  const outer = predictDenoised ? -1 : -sigmaNext;
  const bh = form === 'bh1' ? signed : Math.expm1(signed);
  const base = [
    [predictDenoised ? sigmaNext / sigma : 1, x],
    [predictDenoised ? 1 - sigmaNext / sigma : sigmaNext - sigma, newest.m],
  ] as const;
  const others = [
    ...older.map(({ lambda, m }) => ({ r: (lambda - newest.lambda) / h, m })),
    ...(arrival === undefined ? [] : [{ r: 1, m: arrival.m }]),
  ];
  if (others.length === 0) return combine(...base);
  const rho = orderConditions(
    others.map(({ r }) => r),
    signed,
    bh,
  );
  const differences = others.flatMap(({ r, m }, k) => {
    const weight = (outer * bh * sigmaAt(rho, k)) / r;
    return [
      [weight, m],
      [-weight, newest.m],
    ] as const;
  });
  return combine(...base, ...differences);
}

/** rho with Σ rho_k r_k^(n−1) = n! φ_{n+1}(h)/B(h) for n = 1 …; the paper's own constants for a single unknown. */
function orderConditions(r: readonly number[], signed: number, bh: number): readonly number[] {
  if (r.length === 1) return [0.5];
  const right: number[] = [];
  let phi = Math.expm1(signed) / signed - 1;
  let factorial = 1;
  for (let n = 1; n <= r.length; n++) {
    right.push((phi * factorial) / bh);
    factorial *= n + 1;
    phi = phi / signed - 1 / factorial;
  }
  return solveLinearSystem(
    r.map((_, n) => r.map((value) => value ** n)),
    right,
  );
}
