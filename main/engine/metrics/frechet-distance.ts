import { meanOf } from '../features/distances.ts';
import { checkSameWidth, type Features } from '../features/features.ts';
import { Failure } from '../../contract/failures.ts';
import { multiply, squareRoot, symmetricEigen, trace } from '../tensor/linear-algebra.ts';

/** A set's mean and unbiased covariance [width, width]. */
export interface Moments {
  readonly count: number;
  readonly width: number;
  readonly mean: Float64Array;
  readonly covariance: Float64Array;
}

/** @throws bad-input with fewer than 2 rows */
export function momentsOf(set: Features): Moments {
  if (set.count < 2)
    throw new Failure('bad-input', `Fréchet distance: expected at least 2 rows in each set, got ${set.count}`);
  return { count: set.count, width: set.width, mean: meanOf(set), covariance: covarianceOf(set) };
}

/** Covariance with divisor n − 1, optionally with multiplicities that sum to n. */
function covarianceOf({ count, width, values }: Features, multiplicities?: ArrayLike<number>): Float64Array {
  const weightOf = (i: number): number => multiplicities?.[i] ?? 1;
  const mean = new Float64Array(width);
  for (let i = 0; i < count; i++)
    for (let j = 0, w = weightOf(i); w > 0 && j < width; j++)
      mean[j] = (mean[j] as number) + (w * (values[i * width + j] as number)) / count;
  const covariance = new Float64Array(width * width);
  const row = new Float64Array(width);
  for (let i = 0; i < count; i++) {
    const weight = weightOf(i) / (count - 1);
    if (weight === 0) continue;
    for (let j = 0; j < width; j++) row[j] = (values[i * width + j] as number) - (mean[j] as number);
    for (let a = 0; a < width; a++) {
      const left = weight * (row[a] as number);
      for (let b = a, at = a * width + a; b < width; b++, at++)
        covariance[at] = (covariance[at] as number) + left * (row[b] as number);
    }
  }
  for (let a = 0; a < width; a++)
    for (let b = 0; b < a; b++) covariance[a * width + b] = covariance[b * width + a] as number;
  return covariance;
}

/**
 * Fréchet distance between the Gaussians of two sets: |m₁ − m₂|² + tr(C₁ + C₂ − 2 (C₁ C₂)^½) (Dowson & Landau 1982;
 * Heusel et al. 2017 with Inception features, which alone is called FID).
 *
 * The trace of the root is the sum of the roots of the eigenvalues of C₁^½ C₂ C₁^½, which is symmetric.
 */
export function frechetDistance(reference: Features, generated: Features): number {
  checkSameWidth(reference, generated);
  return frechetDistanceOf(momentsOf(reference), momentsOf(generated));
}

export function frechetDistanceOf(first: Moments, second: Moments): number {
  const { width } = first;
  const root = squareRoot(first.covariance, width);
  const middle = multiply(multiply(root, second.covariance, width, width, width), root, width, width, width);
  return squaredGap(first.mean, second.mean) + traceTerm(first, trace(second.covariance, width), middle, width);
}

function squaredGap(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, i) => sum + (value - (b[i] as number)) ** 2, 0);
}

/** tr C₁ + tr C₂ − 2 Σ √λ over the eigenvalues λ of `middle` [n, n]; below 0 only by rounding. */
function traceTerm(first: Moments, secondTrace: number, middle: Float64Array, n: number): number {
  const { values } = symmetricEigen(symmetrised(middle, n), n, false);
  const roots = values.reduce((sum, value) => sum + Math.sqrt(Math.max(0, value)), 0);
  return Math.max(0, trace(first.covariance, first.width) + secondTrace - 2 * roots);
}

function symmetrised(matrix: Float64Array, n: number): Float64Array {
  return matrix.map((value, at) => (value + (matrix[(at % n) * n + Math.floor(at / n)] as number)) / 2);
}

/**
 * The Fréchet distance as a function of how often each generated row counts, for the bootstrap.
 *
 * With A = X C_r^½ (X centred, weights √(m/(n−1))), the eigenvalues of C_r^½ C_g C_r^½ are those of AᵀA and of AAᵀ; the
 * smaller of the two is taken.
 *
 * @returns the distance under multiplicities, and the floating-point operations one evaluation costs
 */
export function resampledFrechetDistance(reference: Moments, generated: Features) {
  const { width, count } = generated;
  const root = squareRoot(reference.covariance, width);
  const turned = { count, width, values: multiply(Float64Array.from(generated.values), root, count, width, width) };
  const side = Math.min(count, width);
  const evaluate = (multiplicities: ArrayLike<number>): number => {
    const mean = new Float64Array(width);
    let squares = 0;
    for (let i = 0; i < count; i++)
      for (let j = 0, m = multiplicities[i] as number; m > 0 && j < width; j++) {
        const value = generated.values[i * width + j] as number;
        mean[j] = (mean[j] as number) + (m * value) / count;
        squares += m * value * value;
      }
    const secondTrace = (squares - count * mean.reduce((sum, value) => sum + value * value, 0)) / (count - 1);
    const middle = count < width ? innerGram(turned, multiplicities) : covarianceOf(turned, multiplicities);
    return squaredGap(reference.mean, mean) + traceTerm(reference, secondTrace, middle, side);
  };
  return { evaluate, cost: count * width * side + 1.5 * side ** 3 };
}

/** AAᵀ [count, count] of the centred, weighted rows. */
function innerGram({ count, width, values }: Features, multiplicities: ArrayLike<number>): Float64Array {
  const mean = new Float64Array(width);
  for (let i = 0; i < count; i++)
    for (let j = 0; j < width; j++)
      mean[j] = (mean[j] as number) + ((multiplicities[i] as number) * (values[i * width + j] as number)) / count;
  const rows = new Float64Array(count * width);
  for (let i = 0, at = 0; i < count; i++) {
    const weight = Math.sqrt((multiplicities[i] as number) / (count - 1));
    for (let j = 0; j < width; j++, at++) rows[at] = weight * ((values[at] as number) - (mean[j] as number));
  }
  return gram(rows, count, width);
}

/** rows · rowsᵀ, [count, count]. */
export function gram(rows: Float64Array, count: number, width: number): Float64Array {
  const products = new Float64Array(count * count);
  for (let i = 0; i < count; i++)
    for (let j = i; j < count; j++) {
      let sum = 0;
      for (let at = i * width, to = j * width, end = at + width; at < end; at++, to++)
        sum += (rows[at] as number) * (rows[to] as number);
      products[i * count + j] = products[j * count + i] = sum;
    }
  return products;
}
