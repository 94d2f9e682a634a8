import { Failure } from '../contract/failures.ts';
import type { Features } from '../engine/features/features.ts';
import {
  densitiesAt,
  densityAtPercentile,
  densityPercentile,
  densityReference,
  meanDistancesOf,
  type DensityReference,
} from '../engine/features/pseudo-density.ts';
import { nearestNeighbours } from '../engine/features/neighbours.ts';

/** Neighbours of pseudo density within a brief's references: the paper's helper code takes 10. */
export const densityNeighbours = 10;

/** What is known of one candidate. */
export interface JudgedDensity {
  readonly density: number;
  /** Among the references, 0 unusual … 100 typical. */
  readonly percentile: number;
}

/** Judges candidates by pseudo density among the references of their brief. */
export interface DensityJudge {
  readonly judge: (candidates: Features) => Promise<JudgedDensity[]>;
  /** Density at a percentile of the references. */
  readonly threshold: (percentile: number) => number;
  /** What it judges by. */
  readonly references: Features;
  readonly reference: DensityReference;
}

/** @throws bad-input when there are not more references than neighbours */
export async function densityJudge(references: Features, k: number = densityNeighbours): Promise<DensityJudge> {
  if (references.count <= k)
    throw new Failure('bad-input', `density: expected more than ${k} references, got ${references.count}`);
  const reference = await densityReference(references, k, 1);
  return {
    judge: async (candidates) => {
      const neighbours = await nearestNeighbours(candidates, references, k);
      return Array.from(densitiesAt(meanDistancesOf(neighbours), reference), (density) => ({
        density,
        percentile: densityPercentile(density, reference),
      }));
    },
    threshold: (percentile) => densityAtPercentile(percentile, reference),
    references,
    reference,
  };
}
