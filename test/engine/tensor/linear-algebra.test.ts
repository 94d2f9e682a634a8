import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { identity, multiply, squareRoot, symmetricEigen, trace } from '../../../main/engine/tensor/linear-algebra.ts';

function symmetric(values: readonly number[], n: number): Float64Array {
  const matrix = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) matrix[i * n + j] = (values[i * n + j] ?? 0) + (values[j * n + i] ?? 0);
  return matrix;
}

function transposed(matrix: Float64Array, n: number): Float64Array {
  return matrix.map((_, at) => matrix[(at % n) * n + Math.floor(at / n)] ?? 0);
}

function largestDifference(a: Float64Array, b: Float64Array): number {
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (b[i] ?? Infinity))), 0);
}

const matrices = fc.integer({ min: 1, max: 14 }).chain((n) =>
  fc.record({
    n: fc.constant(n),
    values: fc.array(
      fc.double({ min: -10, max: 10, noNaN: true }).chain((value) => fc.constantFrom(value, 0, 1e-300)),
      { minLength: n * n, maxLength: n * n },
    ),
  }),
);

describe('the eigenvalues of a symmetric matrix', () => {
  it('are those of the second difference, 2 − 2 cos(kπ / (n + 1))', () => {
    const n = 40;
    const matrix = new Float64Array(n * n);
    for (let i = 0; i < n; i++) {
      matrix[i * n + i] = 2;
      if (i > 0) matrix[i * n + i - 1] = matrix[(i - 1) * n + i] = -1;
    }
    const expected = Float64Array.from({ length: n }, (_, k) => 2 - 2 * Math.cos(((k + 1) * Math.PI) / (n + 1)));
    expect(largestDifference(symmetricEigen(matrix, n, false).values, expected)).toBeLessThan(1e-13);
  });

  it('come with orthonormal vectors that put the matrix together again', () => {
    fc.assert(
      fc.property(matrices, ({ n, values }) => {
        const matrix = symmetric(values, n);
        const eigen = symmetricEigen(matrix, n, true);
        const rows = eigen.vectors ?? new Float64Array(0);
        const columns = transposed(rows, n);
        expect(largestDifference(multiply(rows, columns, n, n, n), identity(n))).toBeLessThan(1e-12);
        const scaled = rows.map((value, at) => value * (eigen.values[Math.floor(at / n)] ?? 0));
        expect(largestDifference(multiply(columns, scaled, n, n, n), matrix)).toBeLessThan(1e-11);
        expect(symmetricEigen(matrix, n, false).values).toEqual(eigen.values);
      }),
    );
  });

  it('of a matrix of rank 1 are its squared length and zeros', () => {
    const v = Float64Array.from({ length: 60 }, (_, i) => Math.sin(i + 1));
    const { values } = symmetricEigen(multiply(v, v, 60, 1, 60), 60, false);
    expect(values[59]).toBeCloseTo(
      v.reduce((sum, value) => sum + value * value, 0),
      10,
    );
    expect(Math.abs(values[58] ?? 1)).toBeLessThan(1e-12);
  });
});

describe('the square root of a positive matrix', () => {
  it('squares to the matrix', () => {
    fc.assert(
      fc.property(matrices, ({ n, values }) => {
        const half = Float64Array.from(values);
        const positive = multiply(half, transposed(half, n), n, n, n);
        const root = squareRoot(positive, n);
        expect(largestDifference(multiply(root, root, n, n, n), positive)).toBeLessThan(
          1e-9 * (1 + trace(positive, n)),
        );
      }),
    );
  });
});
