import { Failure } from '../../contract/failures.ts';
import { normalised, type Features } from '../features/features.ts';
import { gram } from './frechet-distance.ts';
import { symmetricEigen } from '../tensor/linear-algebra.ts';

/**
 * Vendi score of order q: the effective number of different items, exp of the Rényi entropy of the eigenvalues of K/n
 * with the cosine kernel K (Friedman & Dieng 2023; orders: Pasarkar & Dieng 2024). 1 … n.
 *
 * @param q 0 … ∞: 1 is the Vendi score proper, small orders count rare items, ∞ looks at the most common alone
 * @throws bad-input when q is negative or NaN
 */
export function vendiScore(set: Features, q = 1): number {
  checkOrder(q);
  return effectiveNumber(resampledSpectrum(set).evaluate(new Int32Array(set.count).fill(1)), q);
}

export function checkOrder(q: number): void {
  if (!(q >= 0)) throw new Failure('bad-input', `Vendi score: expected an order q ≥ 0, got ${q}`, 'q');
}

/** exp of the Rényi entropy of order q of eigenvalues that sum to 1. */
export function effectiveNumber(eigenvalues: ArrayLike<number>, q: number): number {
  // Rounding leaves values around 1e-16 where the exact ones are 0; they would count at small orders.
  const kept = Array.from(eigenvalues).filter((value) => value > 1e-12);
  if (q === 0) return kept.length;
  if (q === Infinity) return 1 / Math.max(...kept);
  if (q === 1) return Math.exp(-kept.reduce((sum, value) => sum + value * Math.log(value), 0));
  return kept.reduce((sum, value) => sum + value ** q, 0) ** (1 / (1 - q));
}

/**
 * The eigenvalues of K/n as a function of how often each item counts, for the bootstrap: with rows √(m/n) x/|x| they are
 * those of the Gram matrix of rows or of columns, whichever is smaller.
 */
export function resampledSpectrum(set: Features) {
  const { count, width, values } = normalised(set);
  const side = Math.min(count, width);
  const evaluate = (multiplicities: ArrayLike<number>): Float64Array => {
    const rows = new Float64Array(count * width);
    for (let i = 0; i < count; i++) {
      const weight = Math.sqrt((multiplicities[i] as number) / count);
      for (let j = 0; j < width; j++) {
        const value = weight * (values[i * width + j] as number);
        rows[count <= width ? i * width + j : j * count + i] = value;
      }
    }
    return symmetricEigen(count <= width ? gram(rows, count, width) : gram(rows, width, count), side, false).values;
  };
  return { evaluate, cost: count * width * side + 1.5 * side ** 3 };
}
