import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { calibrate, type CalibrationSettings } from '../../main/studio/calibrate.ts';
import { readCalibration } from '../../main/studio/calibration.ts';
import { stopSettings, type MeasuredSetting } from '../../main/studio/dial-path.ts';
import { openWorkshop } from '../../main/studio/workshop.ts';
import { measuredPackage } from '../doubles/measured-package.ts';
import { packagesFolder, temporaryFolder } from '../doubles/packages.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

const workshopOf = () =>
  openWorkshop({ folders: { builtIn: packagesFolder, user: packagesFolder }, provider: 'cpu', hashCache: null });

const settingsOf = (model: string, briefs: string): CalibrationSettings => ({
  model,
  reference: null,
  briefs,
  briefCount: 3,
  pool: 24,
  kept: 8,
  scales: [1, 2],
  steps: 8,
  seed: 5,
  batchSize: 8,
  command: 'test',
});

describe('a calibration', () => {
  it('writes a path of 9 stops with their measures and a plot, and goes on from the pools that are there', async () => {
    using home = temporaryFolder();
    using model = measuredPackage();
    using workshop = workshopOf();
    vi.stubEnv('GAMUT_HOME', home.path);
    mkdirSync(home.path, { recursive: true });
    const briefs = join(model.path, 'briefs.txt');
    writeFileSync(briefs, 'a vase\n\nred vase\nmatte vase\nnever reached\n');
    const settings = settingsOf(model.path, briefs);
    const events = await Array.fromAsync(calibrate(settings, workshop));
    expect(events.filter(({ kind }) => kind === 'pool')).toHaveLength(6);
    const calibration = await readCalibration(model.path);
    expect(calibration?.briefs).toEqual(['a vase', 'red vase', 'matte vase']);
    expect(calibration?.path.stops.map(({ dial }) => dial)).toEqual([-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1]);
    for (const { measures, acceptance, secondsPerKept } of calibration?.path.stops ?? []) {
      expect(measures.map(({ name }) => name)).toEqual(['precision', 'recall', 'frechetDistance', 'vendiScore']);
      expect(measures.every(({ value, generatedCount }) => value !== null && generatedCount === 24)).toBe(true);
      expect(acceptance).toBeGreaterThanOrEqual(0.2);
      expect(secondsPerKept).toBeGreaterThan(0);
    }
    expect(readFileSync(join(model.path, 'calibration.svg'), 'utf8')).toMatch(/^<svg .*precision \(fidelity\)/s);

    const pools = join(home.path, 'cache', 'calibration');
    expect(readdirSync(pools).filter((name) => name.endsWith('.npy'))).toHaveLength(6);
    // Nothing is generated again: the engine is not even asked for.
    workshop.engine.close();
    const again = await Array.fromAsync(calibrate(settings, workshop));
    expect(again.at(-1)).toMatchObject({ kind: 'complete', calibration: { path: calibration?.path } });
  });

  it('refuses to measure too little, and leaves no file behind', async () => {
    using model = measuredPackage();
    using workshop = workshopOf();
    const briefs = join(model.path, 'briefs.txt');
    writeFileSync(briefs, 'a vase\n');
    const attempt = (settings: CalibrationSettings) => Array.fromAsync(calibrate(settings, workshop));
    await expect(attempt(settingsOf(model.path, briefs))).rejects.toThrow(/at least 2 to average over, got 1/);
    await expect(attempt({ ...settingsOf(model.path, briefs), kept: 3 })).rejects.toThrow(/kept: expected more than 3/);
    await expect(attempt({ ...settingsOf(model.path, briefs), kept: 25 })).rejects.toThrow(/at most the 24/);
    expect(existsSync(join(model.path, 'calibration.json'))).toBe(false);
  });

  it('that is not what it should be is refused when it is read', async () => {
    using model = measuredPackage();
    writeFileSync(join(model.path, 'calibration.json'), '{"format": 1}');
    await expect(readCalibration(model.path)).rejects.toMatchObject({ code: 'model-broken' });
  });
});

describe('the stops of the dial', () => {
  const setting = (
    guidanceScale: number,
    densityWeight: number,
    precision: number,
    recall: number,
    acceptance: number,
  ): MeasuredSetting => ({
    guidanceScale,
    densityWeight,
    densityThreshold: 50,
    precision,
    recall,
    acceptance,
    precisions: [],
    recalls: [],
    acceptances: [],
  });

  it('end at the highest precision and recall that are affordable', () => {
    const grid = [
      setting(3, 1, 0.6, 0.6, 1),
      setting(6, 16, 0.9, 0.3, 0.3),
      setting(6, 64, 0.95, 0.2, 0.1),
      setting(1, 1 / 4, 0.4, 0.9, 0.5),
    ];
    const stops = stopSettings(grid, [1, 2, 3, 4.5, 6], 3);
    expect(stops[0]).toMatchObject({ dial: -1, guidanceScale: 6, densityWeight: 16 });
    expect(stops[2]).toMatchObject({ dial: -0.5, guidanceScale: 4.5, densityWeight: 4 });
    expect(stops[4]).toMatchObject({ dial: 0, guidanceScale: 3, densityWeight: 1 });
    expect(stops[8]).toMatchObject({ dial: 1, guidanceScale: 1, densityWeight: 0.25 });
  });
});
