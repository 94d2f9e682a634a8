/** Solves A x = b for a small square matrix by Gaussian elimination with partial pivoting. Throws when A is singular. */
export function solveLinearSystem(a: readonly (readonly number[])[], b: readonly number[]): number[] {
  const n = b.length;
  const rows = a.map((row, i) => [...row, b[i] ?? NaN]);
  const at = (i: number, j: number): number => rows[i]?.[j] ?? NaN;
  for (let column = 0; column < n; column++) {
    let pivot = column;
    for (let i = column + 1; i < n; i++) if (Math.abs(at(i, column)) > Math.abs(at(pivot, column))) pivot = i;
    if (at(pivot, column) === 0) throw new RangeError(`linear system: the matrix is singular in column ${column}`);
    [rows[column], rows[pivot]] = [rows[pivot] ?? [], rows[column] ?? []];
    for (let i = column + 1; i < n; i++) {
      const factor = at(i, column) / at(column, column);
      rows[i] = (rows[i] ?? []).map((value, j) => value - factor * at(column, j));
    }
  }
  const x: number[] = new Array<number>(n).fill(0);
  for (let i = n - 1; i >= 0; i--) {
    let sum = at(i, n);
    for (let j = i + 1; j < n; j++) sum -= at(i, j) * (x[j] ?? NaN);
    x[i] = sum / at(i, i);
  }
  return x;
}
