/**
 * Extents that need not be numbers: polynomials with whole coefficients over named extents, in one canonical form, so
 * that two equal expressions have equal texts. What a polynomial cannot say (a rounded quotient) becomes a new name.
 */
export type Dim = number | Symbolic;

export interface Symbolic {
  /** Canonical; equal texts mean equal extents. */
  readonly text: string;
  /** Coefficient of each product of names; the constant's key is ''. */
  readonly terms: ReadonlyMap<string, number>;
}

/** Separates the factors of a product in a key; no name contains it. */
const times = '\n';

/** An extent with a name. */
export function symbol(name: string): Dim {
  return fromTerms(new Map([[name.replaceAll(times, ' '), 1]]));
}

/** Whether two extents are known to be equal. */
export function same(a: Dim, b: Dim): boolean {
  return typeof a === 'number' || typeof b === 'number' ? a === b : a.text === b.text;
}

/** Whether two lists of extents are known to be equal. */
export function sameDims(a: readonly Dim[], b: readonly Dim[]): boolean {
  return a.length === b.length && a.every((dim, index) => same(dim, b[index] ?? NaN));
}

export function textOf(dim: Dim): string {
  return typeof dim === 'number' ? String(dim) : dim.text;
}

export function add(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  const terms = new Map(termsOf(a));
  for (const [key, coefficient] of termsOf(b)) terms.set(key, (terms.get(key) ?? 0) + coefficient);
  return fromTerms(terms);
}

export function subtract(a: Dim, b: Dim): Dim {
  return add(a, multiply(b, -1));
}

export function multiply(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a * b;
  const terms = new Map<string, number>();
  for (const [left, x] of termsOf(a))
    for (const [right, y] of termsOf(b)) {
      const key = [...factorsOf(left), ...factorsOf(right)].sort().join(times);
      terms.set(key, (terms.get(key) ?? 0) + x * y);
    }
  return fromTerms(terms);
}

/** The product of a list of extents. */
export function product(dims: readonly Dim[]): Dim {
  return dims.reduce(multiply, 1);
}

/** a / b where b divides a as a polynomial, else undefined. */
export function divideExactly(a: Dim, b: Dim): Dim | undefined {
  if (same(a, b)) return 1;
  const divisor = [...termsOf(b)];
  const [only] = divisor;
  if (divisor.length !== 1 || only === undefined) return undefined;
  const [key, coefficient] = only;
  if (coefficient === 0) return undefined;
  const terms = new Map<string, number>();
  for (const [each, value] of termsOf(a)) {
    const rest = factorsOf(each);
    for (const factor of factorsOf(key)) {
      const at = rest.indexOf(factor);
      if (at < 0) return undefined;
      rest.splice(at, 1);
    }
    if (!Number.isInteger(value / coefficient)) return undefined;
    terms.set(rest.join(times), value / coefficient);
  }
  return fromTerms(terms);
}

/** ⌊a / b⌋ for a positive b. */
export function floorDivide(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return Math.floor(a / b);
  const exact = divideExactly(a, b);
  if (exact !== undefined) return exact;
  if (typeof b === 'number') {
    // A whole number of b's comes out of the floor; what is left keeps its constant.
    const constant = termsOf(a).get('') ?? 0;
    const quotient = divideExactly(subtract(a, constant), b);
    if (quotient !== undefined) return add(quotient, Math.floor(constant / b));
  }
  return symbol(`floor((${textOf(a)})/(${textOf(b)}))`);
}

/** ⌈a / b⌉ for a positive whole b. */
export function ceilDivide(a: Dim, b: number): Dim {
  return floorDivide(add(a, b - 1), b);
}

function termsOf(dim: Dim): ReadonlyMap<string, number> {
  return typeof dim === 'number' ? new Map([['', dim]]) : dim.terms;
}

function factorsOf(key: string): string[] {
  return key === '' ? [] : key.split(times);
}

function fromTerms(terms: ReadonlyMap<string, number>): Dim {
  const kept = [...terms].filter(([, coefficient]) => coefficient !== 0).sort(([a], [b]) => (a < b ? -1 : 1));
  if (kept.every(([key]) => key === '')) return kept[0]?.[1] ?? 0;
  const text = kept
    .map(([key, coefficient]) => {
      const name = key.replaceAll(times, '*');
      return key === '' ? String(coefficient) : coefficient === 1 ? name : `${coefficient}*${name}`;
    })
    .join(' + ');
  return { text, terms: new Map(kept) };
}
