/** Small dense linear algebra in float64. Matrices are square or named [rows, columns], row-major. */

export interface SymmetricEigen {
  /** Eigenvalues, ascending. */
  readonly values: Float64Array;
  /** [n, n]: row i is the unit eigenvector of `values[i]`; null when not asked for. */
  readonly vectors: Float64Array | null;
}

/**
 * Eigenvalues, and eigenvectors if wanted, of a symmetric matrix [n, n]: Householder reduction to tridiagonal form, then
 * QL steps with implicit shifts (Golub & Van Loan, sections 8.3.1 and 8.3.3). Errors are of order 1e-15 · |largest|.
 *
 * @param matrix only its symmetric part is meaningful; not modified
 */
export function symmetricEigen(matrix: Float64Array, n: number, withVectors: boolean): SymmetricEigen {
  // Entries of order 1 keep squares within range.
  const size = matrix.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) || 1;
  const scaled = matrix.map((value) => value / size);
  const { diagonal, offDiagonal, vectors } = tridiagonal(scaled, n, withVectors);
  diagonalise(diagonal, offDiagonal, vectors, n);
  const order = Array.from(diagonal.keys()).sort((a, b) => (diagonal[a] as number) - (diagonal[b] as number));
  const sorted = vectors === null ? null : new Float64Array(n * n);
  order.forEach((from, to) => {
    if (vectors !== null) sorted?.set(vectors.subarray(from * n, (from + 1) * n), to * n);
  });
  return { values: Float64Array.from(order, (at) => size * (diagonal[at] as number)), vectors: sorted };
}

/** Reflects column after column; consumes `a`. `vectors` holds Qᵀ, so that later rotations act on whole rows. */
function tridiagonal(a: Float64Array, n: number, withVectors: boolean) {
  const offDiagonal = new Float64Array(n);
  const reflections: { readonly v: Float64Array; readonly beta: number }[] = [];
  const p = new Float64Array(n);
  for (let k = 0; k + 2 < n; k++) {
    const v = new Float64Array(n);
    let norm = 0;
    for (let i = k + 1; i < n; i++) {
      v[i] = a[i * n + k] as number;
      norm += (v[i] as number) ** 2;
    }
    // A column that is 0 within rounding needs no reflection.
    norm = norm < 1e-40 ? 0 : Math.sqrt(norm);
    const first = v[k + 1] as number;
    const alpha = first > 0 ? -norm : norm;
    offDiagonal[k] = alpha;
    v[k + 1] = first - alpha;
    const square = norm * (norm + Math.abs(first)) * 2;
    const beta = square === 0 ? 0 : 2 / square;
    reflections.push({ v, beta });
    if (beta === 0) continue;
    // A ← A − v wᵀ − w vᵀ with w = p − (β/2)(vᵀp) v and p = β A v.
    let vp = 0;
    for (let i = k + 1; i < n; i++) {
      let sum = 0;
      for (let j = k + 1, at = i * n + j; j < n; j++, at++) sum += (a[at] as number) * (v[j] as number);
      p[i] = beta * sum;
      vp += (p[i] as number) * (v[i] as number);
    }
    for (let i = k + 1; i < n; i++) p[i] = (p[i] as number) - (beta / 2) * vp * (v[i] as number);
    for (let i = k + 1; i < n; i++) {
      const vi = v[i] as number;
      const wi = p[i] as number;
      for (let j = k + 1, at = i * n + j; j < n; j++, at++)
        a[at] = (a[at] as number) - vi * (p[j] as number) - wi * (v[j] as number);
    }
  }
  if (n > 1) offDiagonal[n - 2] = a[(n - 1) * n + n - 2] as number;
  const diagonal = Float64Array.from({ length: n }, (_, i) => a[i * n + i] as number);
  return { diagonal, offDiagonal, vectors: withVectors ? accumulate(reflections, n) : null };
}

function accumulate(
  reflections: readonly { readonly v: Float64Array; readonly beta: number }[],
  n: number,
): Float64Array {
  const z = identity(n);
  for (let k = reflections.length - 1; k >= 0; k--) {
    const { v, beta } = reflections[k] as { v: Float64Array; beta: number };
    if (beta === 0) continue;
    for (let row = k + 1; row < n; row++) {
      let sum = 0;
      for (let j = k + 1, at = row * n + j; j < n; j++, at++) sum += (z[at] as number) * (v[j] as number);
      sum *= beta;
      for (let j = k + 1, at = row * n + j; j < n; j++, at++) z[at] = (z[at] as number) - sum * (v[j] as number);
    }
  }
  return z;
}

/** QL with implicit shifts: `d` becomes the eigenvalues, rows of `z` the eigenvectors; `e` is used up. */
function diagonalise(d: Float64Array, e: Float64Array, z: Float64Array | null, n: number): void {
  let norm = 0;
  for (let i = 0; i < n; i++) norm = Math.max(norm, Math.abs(d[i] as number) + Math.abs(e[i] as number));
  const negligible = Number.EPSILON * norm;
  for (let l = 0; l < n; l++) {
    for (let step = 0; ; step++) {
      let m = l;
      while (m < n - 1 && Math.abs(e[m] as number) > negligible) m++;
      if (m === l) break;
      if (step === 60) throw new RangeError(`eigenvalue ${l} of a ${n} × ${n} matrix: no convergence in 60 steps`);
      implicitStep(d, e, z, n, l, m);
    }
  }
}

function implicitStep(d: Float64Array, e: Float64Array, z: Float64Array | null, n: number, l: number, m: number): void {
  const at = (array: Float64Array, i: number): number => array[i] as number;
  // Wilkinson's shift from the leading 2 × 2 block.
  const half = (at(d, l + 1) - at(d, l)) / (2 * at(e, l));
  const root = Math.sqrt(half * half + 1);
  let g = at(d, m) - at(d, l) + at(e, l) / (half + (half >= 0 ? root : -root));
  let s = 1;
  let c = 1;
  let p = 0;
  for (let i = m - 1; i >= l; i--) {
    const f = s * at(e, i);
    const b = c * at(e, i);
    const r = Math.sqrt(f * f + g * g);
    e[i + 1] = r;
    if (r === 0) {
      d[i + 1] = at(d, i + 1) - p;
      e[m] = 0;
      return;
    }
    s = f / r;
    c = g / r;
    g = at(d, i + 1) - p;
    const t = (at(d, i) - g) * s + 2 * c * b;
    p = s * t;
    d[i + 1] = g + p;
    g = c * t - b;
    if (z !== null) rotateRows(z, n, i, c, s);
  }
  d[l] = at(d, l) - p;
  e[l] = g;
  e[m] = 0;
}

function rotateRows(z: Float64Array, n: number, i: number, c: number, s: number): void {
  for (let a = i * n, b = a + n, end = b; a < end; a++, b++) {
    const low = z[a] as number;
    const high = z[b] as number;
    z[b] = s * low + c * high;
    z[a] = c * low - s * high;
  }
}

export function identity(n: number): Float64Array {
  const matrix = new Float64Array(n * n);
  for (let i = 0; i < n; i++) matrix[i * n + i] = 1;
  return matrix;
}

/** a [rows, inner] · b [inner, columns]. */
export function multiply(a: Float64Array, b: Float64Array, rows: number, inner: number, columns: number): Float64Array {
  const product = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++)
    for (let k = 0; k < inner; k++) {
      const factor = a[i * inner + k] as number;
      if (factor === 0) continue;
      for (let j = 0, to = i * columns, from = k * columns; j < columns; j++, to++, from++)
        product[to] = (product[to] as number) + factor * (b[from] as number);
    }
  return product;
}

/** Sum of the diagonal of an [n, n] matrix. */
export function trace(matrix: Float64Array, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += matrix[i * n + i] as number;
  return sum;
}

/** The symmetric square root of a positive semi-definite matrix [n, n]; eigenvalues below 0 (rounding) count as 0. */
export function squareRoot(matrix: Float64Array, n: number): Float64Array {
  const { values, vectors } = symmetricEigen(matrix, n, true);
  const root = new Float64Array(n * n);
  for (let k = 0; k < n; k++) {
    const value = values[k] as number;
    if (value <= 0 || vectors === null) continue;
    const scale = Math.sqrt(value);
    for (let i = 0; i < n; i++) {
      const left = scale * (vectors[k * n + i] as number);
      for (let j = 0, at = i * n; j < n; j++, at++)
        root[at] = (root[at] as number) + left * (vectors[k * n + j] as number);
    }
  }
  return root;
}
