import { describe, expect, it } from 'vitest';
import {
  candidateStream,
  type KeptCandidate,
  type PruningOptions,
  type StreamReport,
} from '../../../main/engine/features/candidate-stream.ts';
import { acceptanceRate, shareAboveAfter } from '../../../main/engine/features/reweighting.ts';
import { uniformNumbers } from '../../../main/engine/features/uniform.ts';
import { philoxStream } from '../../../main/engine/tensor/philox.ts';
import { gaussianCandidate } from '../../doubles/gaussian-candidates.ts';

/** Density exp(−1/2) lies at |x| = 1: a share of 0.6827 of the candidates is above it. */
const threshold = Math.exp(-0.5);
const shareAbove = 0.682689;

async function run(weight: number, pruning: PruningOptions, count = 4000, limit = Infinity) {
  const numbers = philoxStream(21, 0, 'step').normal(new Float64Array(200_000));
  let at = 0;
  let tried = 0;
  const draw = () =>
    tried++ < limit ? gaussianCandidate(() => numbers[at++] ?? NaN, { steps: 20, previewStep: 8, sigma: 0.4 }) : null;
  const kept: KeptCandidate<number>[] = [];
  let report: StreamReport | undefined;
  const random = uniformNumbers(philoxStream(22, 0, 'selection'));
  for await (const event of candidateStream(draw, count, { weight, threshold }, random, pruning))
    if (event.kind === 'kept') kept.push(event.candidate);
    else report = event.report;
  if (report === undefined) throw new Error('no report');
  const total = kept.reduce((sum, candidate) => sum + candidate.weight, 0);
  const above = kept.reduce((sum, candidate) => sum + (candidate.density > threshold ? candidate.weight : 0), 0);
  const secondMoment = kept.reduce((sum, { sample, weight: w }) => sum + w * sample * sample, 0) / total;
  return { kept, report, above: above / total, secondMoment };
}

const everything = { margin: 1, audit: 1 };

describe('streamed candidates', () => {
  it.each([8, 0.125])('that are never given up follow the exact law (w = %d)', async (weight) => {
    const { report, above, kept } = await run(weight, everything);
    expect(above).toBeCloseTo(shareAboveAfter(shareAbove, weight), 1);
    expect(kept.length / report.tried).toBeCloseTo(acceptanceRate(shareAbove, weight), 1);
    expect(report).toMatchObject({ pruned: 0, lawChange: 0 });
  });

  it.each([8, 0.125])(
    'given up early cost less, and with weights follow the exact law still (w = %d)',
    async (weight) => {
      const exact = await run(weight, everything);
      const pruned = await run(weight, { margin: 1, audit: 0.25 });
      expect(pruned.report.cost).toBeLessThan(0.95 * exact.report.cost);
      expect(Math.abs(pruned.above - exact.above)).toBeLessThan(0.03);
      expect(Math.abs(pruned.secondMoment - exact.secondMoment)).toBeLessThan(0.12);
    },
  );

  it('say by how much the law changes without weights: by less, the larger the margin', async () => {
    const tight = await run(0.125, { margin: 1, audit: 0.2 });
    const loose = await run(0.125, { margin: 1.3, audit: 0.2 });
    expect(tight.report.lawChange).toBeGreaterThan(0.02);
    expect(loose.report.lawChange).toBeLessThan(tight.report.lawChange ?? 0);
    expect(loose.report.pruned).toBeLessThan(tight.report.pruned);
  });

  it('do not claim to know the change when nothing was audited', async () => {
    expect((await run(8, { margin: 1, audit: 0 }, 200)).report.lawChange).toBeNull();
  });

  it('end when no more may be tried', async () => {
    const { kept, report } = await run(8, everything, 100, 12);
    expect(report.tried).toBe(12);
    expect(kept.length).toBeLessThan(13);
  });
});
