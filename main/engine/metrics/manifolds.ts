import { distanceBlocks, squaredDistance, type BlockProduct, type DistanceBlock } from '../features/distances.ts';
import { checkSameWidth, type Features } from '../features/features.ts';
import { neighboursAmong, type NeighbourOptions } from '../features/neighbours.ts';

/**
 * What counts as inside a ball: prdc (Naeem et al. 2020) takes distances `<` the radius, NVIDIA's code (Kynkäänniemi et al.
 * 2019) `<=`. They differ where points repeat: PAPERS.md §3f.
 */
export type BallConvention = 'strict' | 'less-equal';

export interface ManifoldOptions {
  /** Neighbour whose distance is a ball's radius; the point itself is not counted. */
  readonly k: number;
  readonly convention?: BallConvention;
  /** The references' radii where they are known already (`manifoldRadii`). */
  readonly referenceRadii?: Float64Array;
  readonly product?: BlockProduct | null;
  readonly signal?: AbortSignal;
}

/** Which generated points lie in which references' balls, and which references in which generated points' balls. */
export interface Manifolds {
  readonly k: number;
  readonly referenceCount: number;
  readonly generatedCount: number;
  /** Bits [reference, generated]: the reference's ball holds the generated point. */
  readonly inReferenceBall: Bits;
  /** Bits [reference, generated]: the generated point's ball holds the reference. */
  readonly inGeneratedBall: Bits;
  /** How many references' balls hold each generated point. */
  readonly ballsAround: Int32Array;
}

interface Bits {
  /** 32-bit words a row. */
  readonly stride: number;
  readonly words: Uint32Array;
}

/**
 * Compares the two sets' k-nearest-neighbour manifolds; the four published measures follow from the result.
 *
 * @throws bad-input when the widths differ or k ≥ the size of either set
 */
export async function compareManifolds(
  reference: Features,
  generated: Features,
  { k, convention = 'strict', referenceRadii: known, product = null, signal }: ManifoldOptions,
): Promise<Manifolds> {
  checkSameWidth(reference, generated);
  const options = signal === undefined ? { product } : { product, signal };
  const referenceRadii = known ?? (await manifoldRadii(reference, k, options));
  const generatedRadii = await manifoldRadii(generated, k, options);
  const stride = Math.ceil(generated.count / 32);
  const manifolds: Manifolds = {
    k,
    referenceCount: reference.count,
    generatedCount: generated.count,
    inReferenceBall: { stride, words: new Uint32Array(reference.count * stride) },
    inGeneratedBall: { stride, words: new Uint32Array(reference.count * stride) },
    ballsAround: new Int32Array(generated.count),
  };
  for await (const block of distanceBlocks(reference, generated, product, signal))
    enter(manifolds, block, reference, generated, referenceRadii, generatedRadii, convention);
  return manifolds;
}

/** Distance of each point's k-th neighbour among the others. */
export async function manifoldRadii(set: Features, k: number, options: NeighbourOptions = {}): Promise<Float64Array> {
  const { distances } = await neighboursAmong(set, k, options);
  return Float64Array.from({ length: set.count }, (_, i) => distances[i * k + k - 1] as number);
}

function enter(
  manifolds: Manifolds,
  { rowStart, rowEnd, columnStart, columnEnd, squared, slack }: DistanceBlock,
  reference: Features,
  generated: Features,
  referenceRadii: Float64Array,
  generatedRadii: Float64Array,
  convention: BallConvention,
): void {
  const { stride } = manifolds.inReferenceBall;
  for (let i = rowStart, at = 0; i < rowEnd; i++)
    for (let j = columnStart; j < columnEnd; j++, at++) {
      const rounded = squared[at] as number;
      const exact = (): number => (slack === 0 ? rounded : squaredDistance(reference, i, generated, j));
      const word = i * stride + (j >>> 5);
      const bit = 1 << (j & 31);
      if (isInside(rounded, slack, referenceRadii[i] as number, exact, convention)) {
        const { words } = manifolds.inReferenceBall;
        words[word] = (words[word] as number) | bit;
        manifolds.ballsAround[j] = (manifolds.ballsAround[j] as number) + 1;
      }
      if (isInside(rounded, slack, generatedRadii[j] as number, exact, convention)) {
        const { words } = manifolds.inGeneratedBall;
        words[word] = (words[word] as number) | bit;
      }
    }
}

/** Decides from the rounded distance where it is clear, from the exact one where it is close. */
function isInside(
  rounded: number,
  slack: number,
  radius: number,
  exact: () => number,
  convention: BallConvention,
): boolean {
  const square = radius * radius;
  const doubt = slack + 1e-12 * square;
  if (rounded < square - doubt) return true;
  if (rounded > square + doubt) return false;
  const distance = Math.sqrt(exact());
  return convention === 'strict' ? distance < radius : distance <= radius;
}

/** How often each generated point counts; every one once where it is left out. */
type Multiplicities = ArrayLike<number>;

/** Share of generated points inside the references' manifold (Kynkäänniemi et al. 2019). */
export function precision({ ballsAround, generatedCount }: Manifolds, multiplicities?: Multiplicities): number {
  let inside = 0;
  ballsAround.forEach((balls, j) => {
    if (balls > 0) inside += multiplicities?.[j] ?? 1;
  });
  return inside / generatedCount;
}

/** Mean number of references' balls around a generated point, over k (Naeem et al. 2020). */
export function density({ ballsAround, generatedCount, k }: Manifolds, multiplicities?: Multiplicities): number {
  let balls = 0;
  ballsAround.forEach((count, j) => (balls += count * (multiplicities?.[j] ?? 1)));
  return balls / (k * generatedCount);
}

/** Share of references inside the generated points' manifold (Kynkäänniemi et al. 2019). */
export function recall({ inGeneratedBall, referenceCount }: Manifolds, multiplicities?: Multiplicities): number {
  return touchedRows(inGeneratedBall, referenceCount, multiplicities) / referenceCount;
}

/** Share of references whose ball holds a generated point (Naeem et al. 2020). */
export function coverage({ inReferenceBall, referenceCount }: Manifolds, multiplicities?: Multiplicities): number {
  return touchedRows(inReferenceBall, referenceCount, multiplicities) / referenceCount;
}

function touchedRows({ stride, words }: Bits, rows: number, multiplicities: Multiplicities | undefined): number {
  const mask = new Uint32Array(stride).fill(multiplicities === undefined ? 0xffffffff : 0);
  if (multiplicities !== undefined)
    for (let j = 0; j < multiplicities.length; j++)
      if ((multiplicities[j] as number) > 0) mask[j >>> 5] = (mask[j >>> 5] as number) | (1 << (j & 31));
  let touched = 0;
  for (let i = 0; i < rows; i++)
    for (let word = 0; word < stride; word++)
      if (((words[i * stride + word] as number) & (mask[word] as number)) !== 0) {
        touched++;
        break;
      }
  return touched;
}
