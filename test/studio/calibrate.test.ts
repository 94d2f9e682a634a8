import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { calibrate, type CalibrationSettings } from '../../main/studio/calibrate.ts';
import { readCalibration } from '../../main/studio/calibration.ts';
import { guidancesToTry } from '../../main/studio/calibration-guidance.ts';
import {
  candidateThresholds,
  keptRows,
  poolDistances,
  recallOf,
  type MeasuredSetting,
} from '../../main/studio/calibration-measures.ts';
import { presetsOf } from '../../main/studio/calibration-presets.ts';
import { verdictOn } from '../../main/studio/calibration-verdict.ts';
import { stopsOf } from '../../main/studio/dial-path.ts';
import { featuresFromRows, takeRows } from '../../main/engine/features/features.ts';
import { compareManifolds, manifoldRadii, precision, recall } from '../../main/engine/metrics/manifolds.ts';
import { momentsOf } from '../../main/engine/metrics/frechet-distance.ts';
import { philoxStream } from '../../main/engine/tensor/philox.ts';
import { densityJudge } from '../../main/studio/density-judge.ts';
import { lcg } from '../doubles/lcg.ts';
import { measuredPackage } from '../doubles/measured-package.ts';
import { packagesWorkshop } from '../doubles/packages-workshop.ts';
import { temporaryFolder } from '../doubles/packages.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

const settingsOf = (model: string, briefs: string): CalibrationSettings => ({
  model,
  reference: null,
  briefs,
  briefCount: 3,
  pool: 24,
  kept: 8,
  scales: [1, 2],
  intervalScales: [2],
  interval: { low: 0.3, high: 3 },
  minutes: null,
  planOnly: false,
  steps: 8,
  seed: 5,
  batchSize: 8,
  command: 'test',
});

/** A model that can be calibrated, briefs to do it with, and a home that keeps its pools for one test. */
function benchFor(briefs: string) {
  const stack = new DisposableStack();
  const home = stack.use(temporaryFolder());
  const model = stack.use(measuredPackage());
  const workshop = stack.use(packagesWorkshop());
  vi.stubEnv('GAMUT_HOME', home.path);
  const file = join(model.path, 'briefs.txt');
  writeFileSync(file, briefs);
  return {
    home,
    model,
    workshop,
    settings: settingsOf(model.path, file),
    [Symbol.dispose]: () => {
      stack.dispose();
    },
  };
}

describe('a calibration', () => {
  it('writes a path of 9 stops with their measures and a plot, and goes on from the pools that are there', async () => {
    using bench = benchFor('a vase\n\nred vase\nmatte vase\nnever reached\n');
    const { home, model, workshop, settings } = bench;
    const events = await Array.fromAsync(calibrate(settings, workshop));
    // Three guidances × three briefs × 8 candidates, and 16 more at two guidances.
    expect(events[0]).toMatchObject({ kind: 'plan', images: 72 + 96, remembered: 0, seconds: expect.any(Number) });
    const pools = join(home.path, 'cache', 'calibration');
    const made = readdirSync(pools).filter((name) => name.endsWith('.npy')).length;
    expect(events.filter(({ kind }) => kind === 'pool')).toHaveLength(made);
    expect([12, 15]).toContain(made);
    const calibration = await readCalibration(model.path);
    expect(calibration?.briefs).toEqual(['a vase', 'red vase', 'matte vase']);
    expect(calibration?.path.stops.map(({ dial }) => dial)).toEqual([-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1]);
    for (const { measures, byCount, acceptance, secondsPerKept } of calibration?.path.stops ?? []) {
      // Batches of other sizes are measured on the same pools; the last count is the one the stop itself is measured at.
      expect(byCount?.map(({ count }) => count)).toEqual([4, 6, 8]);
      expect(byCount?.at(-1)?.recall).toBe(measures.find(({ name }) => name === 'recall')?.value);
      expect(
        byCount?.every(({ precision, recall }) => precision >= 0 && precision <= 1 && recall >= 0 && recall <= 1),
      ).toBe(true);
      expect(measures.map(({ name }) => name)).toEqual(['precision', 'recall', 'frechetDistance', 'vendiScore']);
      expect(measures.every(({ value, generatedCount }) => value !== null && generatedCount === 24)).toBe(true);
      expect(acceptance).toBeGreaterThanOrEqual(0.2);
      expect(secondsPerKept).toBeGreaterThan(0);
    }
    expect(readFileSync(join(model.path, 'calibration.svg'), 'utf8')).toMatch(/^<svg .*precision \(fidelity\)/s);

    expect(calibration?.guidanceAlone.map(({ guidanceScale }) => guidanceScale)).toEqual([2, 1, 2]);

    // Nothing is generated again: the engine is not even asked for.
    workshop.engine.close();
    const again = await Array.fromAsync(calibrate(settings, workshop));
    expect(again.at(-1)).toMatchObject({ kind: 'complete', calibration: { path: calibration?.path } });
  });

  it('says what it would take, and does with the time it is given', async () => {
    using bench = benchFor('red vase\nmatte vase\n');
    const { model, workshop } = bench;
    const settings = { ...bench.settings, pool: 8, intervalScales: [], interval: null };
    const attempt = (changed: Partial<CalibrationSettings>) =>
      Array.fromAsync(calibrate({ ...settings, ...changed }, workshop));

    const plan = await attempt({ planOnly: true });
    expect(plan).toEqual([{ kind: 'plan', images: 32, remembered: 0, seconds: expect.any(Number) }]);
    await expect(attempt({ minutes: 0 })).rejects.toThrow(/minutes: 0 were enough for 0 of 2 guidances/);
    expect(existsSync(join(model.path, 'calibration.json'))).toBe(false);

    // What was made before needs no time, and what there is no time for is left out.
    await attempt({});
    const short = await attempt({ pool: 24, scales: [1, 2, 4], minutes: 0 });
    expect(short.filter(({ kind }) => kind === 'out-of-time')).toHaveLength(1);
    const complete = short.at(-1);
    if (complete?.kind !== 'complete') throw new Error('expected a calibration');
    expect(complete.calibration.pools).toMatchObject([
      { guidanceScale: 2, candidates: 8 },
      { guidanceScale: 1, candidates: 8 },
    ]);
    expect(complete.calibration.path.stops.every(({ densityWeight }) => densityWeight === 1)).toBe(true);
  });

  it('that is stopped leaves no calibration, and what it made is used the next time', async () => {
    using bench = benchFor('red vase\nmatte vase\n');
    const { model, workshop } = bench;
    const settings = { ...bench.settings, pool: 8 };
    const controller = new AbortController();
    const cut = async () => {
      for await (const { kind } of calibrate(settings, workshop, controller.signal))
        if (kind === 'pool') controller.abort();
    };
    await expect(cut()).rejects.toMatchObject({ code: 'interrupted' });
    expect(existsSync(join(model.path, 'calibration.json'))).toBe(false);
    const [plan] = await Array.fromAsync(calibrate({ ...settings, planOnly: true }, workshop));
    expect(plan).toMatchObject({ images: 40, remembered: 8 });
  });

  it('refuses to measure too little, and leaves no file behind', async () => {
    using model = measuredPackage();
    using workshop = packagesWorkshop();
    const briefs = join(model.path, 'briefs.txt');
    writeFileSync(briefs, 'a vase\n');
    const attempt = (settings: CalibrationSettings) => Array.fromAsync(calibrate(settings, workshop));
    await expect(attempt(settingsOf(model.path, briefs))).rejects.toThrow(/at least 2 to average over, got 1/);
    await expect(attempt({ ...settingsOf(model.path, briefs), kept: 3 })).rejects.toThrow(/kept: expected more than 3/);
    await expect(attempt({ ...settingsOf(model.path, briefs), kept: 25 })).rejects.toThrow(/at most the 24/);
    await expect(attempt({ ...settingsOf(model.path, briefs), scales: [2] })).rejects.toThrow(/at least 2 guidance/);
    await expect(attempt(settingsOf(model.path, 'nowhere.txt'))).rejects.toThrow(/briefs: expected a text file/);
    await expect(attempt({ ...settingsOf(model.path, briefs), interval: { low: 3, high: 3 } })).rejects.toThrow(
      /interval: expected LOW,HIGH in sigma/,
    );
    expect(existsSync(join(model.path, 'calibration.json'))).toBe(false);
  });

  it('that is not what it should be is refused when it is read', async () => {
    using model = measuredPackage();
    writeFileSync(join(model.path, 'calibration.json'), '{"format": 1}');
    await expect(readCalibration(model.path)).rejects.toMatchObject({ code: 'model-broken' });
  });
});

describe('precision and recall of a part of a pool', () => {
  it('are those of the part measured alone', async () => {
    const random = philoxStream(3, 0, 'start');
    const rows = (count: number, at: number) =>
      featuresFromRows(
        Array.from({ length: count }, () => Array.from(random.normal(new Float64Array(3)), (x) => x + at)),
      );
    const [reference, pool] = [rows(60, 0), rows(30, 0.7)];
    const radii = await manifoldRadii(reference, 3);
    const judge = await densityJudge(reference);
    const distances = poolDistances({ reference, radii, moments: momentsOf(reference), judge, pools: new Map() }, pool);
    const part = [3, 29, 14, 0, 7, 8, 21, 22];
    const manifolds = await compareManifolds(reference, takeRows(pool, part), { k: 3 });
    expect(part.reduce((sum, row) => sum + (distances.inside[row] ?? NaN), 0) / part.length).toBe(precision(manifolds));
    expect(recallOf(distances, part, 3)).toBe(recall(manifolds));
    expect(recall(manifolds)).toBeGreaterThan(0);
  });
});

describe('the kept of a pool', () => {
  it('come from both sides of the threshold as often as accept/reject keeps them', () => {
    // 40 of 100 favoured, the others accepted at 1/16: 40 / (40 + 60/16) of what is kept is favoured.
    const probabilities = Array.from({ length: 100 }, (_, row) => (row % 5 < 2 ? 1 : 1 / 16));
    const share = 40 / (40 + 60 / 16);
    const random = lcg(11);
    let favoured = 0;
    const times = new Float64Array(100);
    for (let i = 0; i < 2000; i++) {
      const rows = keptRows(probabilities, 42, random);
      expect(new Set(rows).size).toBe(42);
      for (const row of rows) {
        times[row] = (times[row] ?? 0) + 1;
        favoured += probabilities[row] === 1 ? 1 : 0;
      }
    }
    expect(favoured / (2000 * 42)).toBeCloseTo(share, 3);
    // Within a side, every row as often as any other: 5 standard deviations of a binomial share.
    const each = (2000 * 42 * (1 - share)) / 60;
    times.forEach((count, row) => {
      if (probabilities[row] !== 1) expect(Math.abs(count - each)).toBeLessThan(5 * Math.sqrt(each));
    });
  });

  it('are all there is of a side that is too small, filled up from the other', () => {
    const rows = keptRows([1, 1, 0.5, 0.5, 0.5, 0.5], 5, lcg(3));
    expect(rows).toHaveLength(5);
    expect(rows).toEqual(expect.arrayContaining([0, 1]));
    expect(keptRows([1, 1, 1, 1], 3, lcg(3))).toHaveLength(3);
  });
});

describe('the thresholds that are tried', () => {
  it('part candidates that are all less dense than most references, to the hundredth of a percent', async () => {
    const reference = featuresFromRows(Array.from({ length: 40 }, (_, i) => [i, 0]));
    const judge = await densityJudge(reference);
    const percentiles = [0.12, 0.14, 0.16, 0.18, 0.2, 0.24, 0.3, 0.34, 0.4, 0.5];
    const pool = {
      brief: 'a',
      guidanceScale: 1,
      guidanceInterval: null,
      secondsPerImage: 1,
      features: reference,
      densities: percentiles.map((percentile) => ({ density: 1, percentile })),
    };
    const brief = {
      reference,
      radii: await manifoldRadii(reference, 3),
      moments: momentsOf(reference),
      judge,
      pools: new Map([['1', pool]]),
    };
    const thresholds = candidateThresholds([brief]);
    expect(thresholds).toHaveLength(8);
    expect(thresholds).toEqual(thresholds.toSorted((a, b) => a - b));
    expect([thresholds[0], thresholds.at(-1)]).toEqual([expect.closeTo(0.15, 9), expect.closeTo(0.455, 1)]);
  });
});

const setting = (
  guidanceScale: number,
  densityWeight: number,
  meanPrecision: number,
  meanRecall: number,
  acceptance: number,
  more: Partial<MeasuredSetting> = {},
): MeasuredSetting => ({
  guidanceScale,
  guidanceInterval: null,
  densityWeight,
  densityThreshold: 50,
  precision: meanPrecision,
  recall: meanRecall,
  acceptance,
  shortfall: 0,
  fewer: [],
  // Four briefs that differ in level, not in what settings do to them.
  precisions: [-0.03, -0.01, 0.01, 0.03].map((level) => meanPrecision + level),
  recalls: [-0.03, -0.01, 0.01, 0.03].map((level) => meanRecall + level),
  ...more,
});

describe('the stops of the dial', () => {
  const usual = setting(3, 1, 0.6, 0.6, 1);
  const grid = [
    usual,
    setting(6, 16, 0.9, 0.3, 0.3),
    setting(6, 64, 0.95, 0.2, 0.1),
    setting(6, 32, 0.97, 0.2, 0.5, { shortfall: 0.2 }),
    setting(3, 2, 0.7, 0.55, 0.8),
    setting(4.5, 1, 0.75, 0.45, 1),
    setting(4.5, 2, 0.76, 0.35, 0.8),
    setting(6, 4, 0.8, 0.42, 0.5),
    setting(1, 1 / 4, 0.4, 0.9, 0.5),
    setting(1, 1, 0.5, 0.8, 1),
    setting(1.5, 1 / 2, 0.45, 0.5, 0.7),
  ];

  it('end at the highest precision and recall that are affordable and measurable, with the usual guidance between', () => {
    const stops = stopsOf(grid, usual, 0);
    expect(stops.map(({ dial }) => dial)).toEqual([-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1]);
    expect(stops[0]).toMatchObject({ guidanceScale: 6, densityWeight: 16 });
    expect(stops[4]).toMatchObject({ guidanceScale: 3, densityWeight: 1 });
    expect(stops[8]).toMatchObject({ guidanceScale: 1, densityWeight: 0.25 });
  });

  it('go one way in precision and in recall, through the settings furthest out', () => {
    const stops = stopsOf(grid, usual, 0);
    stops.slice(1).forEach((stop, i) => {
      expect(stop.precision).toBeLessThanOrEqual(stops[i]?.precision ?? NaN);
      expect(stop.recall).toBeGreaterThanOrEqual(stops[i]?.recall ?? NaN);
    });
    const [, , , quarter] = stops;
    expect(quarter).toMatchObject({ guidanceScale: 3, densityWeight: 2 });
    expect(stops[2]).not.toMatchObject({ guidanceScale: 4.5, densityWeight: 2 });
    expect(stops[6]).toMatchObject({ guidanceScale: 1, densityWeight: 1 });
  });

  it('go one way in small batches as well', () => {
    const withEight = (one: MeasuredSetting, recall = one.recall): MeasuredSetting => ({
      ...one,
      fewer: [{ count: 8, precision: one.precision, recall }],
    });
    const middle = withEight(setting(3, 1, 0.6, 0.55, 1));
    const end = withEight(setting(1, 1 / 4, 0.3, 0.8, 0.8));
    const settled = withEight(setting(2, 1 / 2, 0.45, 0.62, 0.8));
    // Further out, but in a batch of 8 it covers less than the middle does.
    const turning = withEight(setting(2, 1 / 3, 0.48, 0.68, 0.8), 0.5);
    expect(stopsOf([middle, settled, turning, end], middle, 0)[6]).toMatchObject({ densityWeight: 1 / 2 });
    const straight = withEight(turning);
    expect(stopsOf([middle, settled, straight, end], middle, 0)[6]).toMatchObject({ densityWeight: 1 / 3 });
  });

  it('have another guidance in the middle where the usual one is worse than an end in both measures', () => {
    const poor = setting(3, 1, 0.35, 0.25, 1);
    const stops = stopsOf([poor, ...grid.slice(1)], poor, 0);
    expect(stops[4]).toMatchObject({ densityWeight: 1, guidanceScale: expect.not.closeTo(3) });
    expect(verdictOn(stops, [], 0).backwards).toEqual([]);
  });

  it('are never ones that guidance alone beats, not even where they lie nearest to their share of the way', () => {
    const middle = setting(3, 1, 0.5, 0.6, 1);
    // Exactly halfway between the middle and −1, but guidance 5 has more precision at the same recall.
    const beaten = setting(4, 2, 0.7, 0.55, 0.8);
    const better = setting(5, 1, 0.78, 0.55, 1);
    const stops = stopsOf(
      [middle, setting(6, 16, 0.9, 0.5, 0.3), beaten, better, setting(1, 1, 0.3, 0.9, 1)],
      middle,
      0,
    );
    expect(stops.map(({ guidanceScale }) => guidanceScale)).not.toContain(4);
    expect(stops[2]).toMatchObject({ guidanceScale: 5, densityWeight: 1 });
  });

  it('have another guidance in the middle where one clearly beats the usual one', () => {
    const better = setting(2, 1, 0.66, 0.66, 1);
    const stops = stopsOf([...grid, better], usual, 0);
    expect(stops[4]).toMatchObject({ guidanceScale: 2, densityWeight: 1 });
    expect(verdictOn(stops, [usual, better], 0)).toMatchObject({ backwards: [], dominated: [] });
  });

  it('use both directions of reweighting and follow the frontier of a model that obeys one', () => {
    // A model on the quarter circle p² + r² = 0.9²; guidance alone is worth 3 % less, reweighting towards the middle 2 % less.
    const at = (angle: number, share: number, scale: number, weight: number) =>
      setting(scale, weight, 0.9 * share * Math.sin(angle), 0.9 * share * Math.cos(angle), weight === 1 ? 1 : 0.5);
    const angles = Array.from({ length: 29 }, (_, i) => 0.2 + 0.04 * i);
    const frontier = angles.flatMap((angle) => [
      ...[2, 4, 1 / 2, 1 / 4].map((weight) => at(angle + 0.05 * Math.log2(weight), 1, 1 + angle, weight)),
      at(angle, 0.97, 1 + angle, 1),
      at(angle, 0.95, 1 + angle, 16),
    ]);
    const middle = frontier.find(({ guidanceScale, densityWeight }) => densityWeight === 1 && guidanceScale > 1.75);
    if (middle === undefined) throw new Error('expected a middle');
    const stops = stopsOf(frontier, middle, 0);
    stops.forEach(({ dial, precision: p, recall: r, densityWeight }) => {
      expect([dial, Math.hypot(p, r)]).toEqual([dial, expect.closeTo(dial === 0 ? 0.97 * 0.9 : 0.9, 9)]);
      expect([1, 2, 4, 1 / 2, 1 / 4]).toContain(densityWeight);
    });
    expect(stops[0]?.densityWeight).toBe(4);
    expect(stops[8]?.densityWeight).toBe(1 / 4);
    const gaps = stops.slice(1).map((stop, i) => (stops[i]?.precision ?? NaN) - stop.precision);
    for (const gap of gaps) expect(gap).toBeGreaterThan(0);
  });

  it('are all the usual guidance where nothing else can be had', () => {
    expect(new Set(stopsOf([usual], usual, 0).map(({ guidanceScale }) => guidanceScale))).toEqual(new Set([3]));
  });

  it('are held against guidance alone and against themselves', () => {
    const stops = stopsOf(grid, usual, 0);
    const fair = verdictOn(stops, [usual, setting(4.5, 1, 0.75, 0.45, 1)], 0);
    expect(fair).toMatchObject({ backwards: [], dominated: [] });
    expect(fair.precisionApart).toBeCloseTo(0.5, 9);
    expect(fair.recallApart).toBeCloseTo(0.6, 9);
    expect(verdictOn(stops, [setting(5, 1, 0.95, 0.35, 1)], 0).dominated).toEqual(['-1 by guidance 5']);
    // As good in one measure and clearly better in the other is better; better in one and worse in the other is not.
    expect(verdictOn(stops, [setting(5, 1, 0.9, 0.35, 1)], 0).dominated).toEqual(['-1 by guidance 5']);
    expect(verdictOn(stops, [setting(5, 1, 0.95, 0.29, 1)], 0).dominated).toEqual([]);
    expect(verdictOn(stops.toReversed(), [], 0).backwards).not.toEqual([]);
  });
});

describe('the guidances of a calibration', () => {
  it('come in the order of their importance', () => {
    const tried = guidancesToTry([6, 1, 3, 1.5], [1, 3, 6], { low: 0.3, high: 4 }, 2.8);
    expect(tried.map(({ guidanceScale, guidanceInterval }) => [guidanceScale, guidanceInterval?.high ?? null])).toEqual(
      [
        [3, null],
        [1, null],
        [6, null],
        [1.5, null],
        [6, 4],
        [3, 4],
      ],
    );
  });
});

describe('presets of a calibration', () => {
  it('carry the figures of their stops', () => {
    const measure = (name: 'precision' | 'recall', value: number) => ({
      name,
      value,
      low: value - 0.02,
      high: value + 0.02,
      generatedCount: 1008,
      referenceCount: 100,
      features: 'test',
      note: null,
    });
    const stop = (dial: number) => ({
      dial,
      guidanceScale: 3,
      guidanceInterval: null,
      densityWeight: 1,
      densityThreshold: 50,
      measures: [measure('precision', 0.6 - 0.2 * dial), measure('recall', 0.5 + 0.2 * dial)],
      acceptance: 0.5,
      secondsPerKept: 1,
    });
    const presets = presetsOf({
      format: 1,
      command: 'test',
      modelHash: '',
      features: 'test',
      references: 'test',
      stepCount: 12,
      seed: 0,
      briefs: ['a', 'b'],
      pools: [],
      keptPerBrief: 42,
      k: 3,
      densityK: 10,
      path: { description: '', stops: [-1, -0.75, 0, 0.75, 1].map(stop) },
      guidanceAlone: [],
      verdict: { precisionApart: 0, recallApart: 0, backwards: [], dominated: [] },
    });
    expect(Object.keys(presets)).toEqual(['faithful', 'balanced', 'exploratory']);
    expect(presets['faithful']).toMatchObject({ settings: { dial: -0.75, stepCount: 12 } });
    expect(presets['faithful']?.tunedFor).toBe(
      'Dial -0.75 of the calibrated path, 12 steps; measured over 2 briefs of 42 images: precision 0.750 (0.730–0.770), recall 0.350 (0.330–0.370), 1 in 2.0 kept.',
    );
  });
});
