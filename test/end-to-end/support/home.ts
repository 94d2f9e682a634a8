import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeCalibration } from '../../../main/studio/calibration.ts';
import type { DialStop } from '../../../main/contract/models.ts';
import { measuredPackage } from '../../doubles/measured-package.ts';

/**
 * A studio's home with a tiny measured model in it, calibrated by hand, and the brief set to it. The seed is locked: which
 * candidates reweighting leaves out must not be left to chance.
 */
export async function preparedHome(): Promise<{ readonly path: string; readonly remove: () => void }> {
  const path = mkdtempSync(join(tmpdir(), 'gamut-home-'));
  const model = join(path, 'models', 'measured');
  mkdirSync(join(path, 'models'), { recursive: true });
  {
    using package_ = measuredPackage();
    cpSync(package_.path, model, { recursive: true });
  }
  const card = JSON.parse(readFileSync(join(model, 'gamut.json'), 'utf8')) as object;
  writeFileSync(join(model, 'gamut.json'), JSON.stringify({ ...card, name: 'Measured', examples: ['red', 'blue'] }));
  await writeCalibration(model, {
    format: 1,
    command: 'made by hand for the tests',
    modelHash: 'none',
    features: 'quarters',
    references: 'grey',
    stepCount: 8,
    seed: 0,
    briefs: ['red'],
    pools: [{ guidanceScale: 1, guidanceInterval: null, candidates: 1, secondsPerImage: 0.1 }],
    keptPerBrief: 1,
    k: 5,
    densityK: 5,
    path: { description: 'made by hand', stops: [stop(-1, 2), stop(0, 1), stop(1, 0.5)] },
    guidanceAlone: [],
    verdict: { precisionApart: 0.4, recallApart: 0.4, backwards: [], dominated: [] },
  });
  const draft = { model: 'measured', prompt: '', count: 8, stepCount: 8, seed: 11, dial: 0, guidanceScale: 1 };
  writeFileSync(
    join(path, 'preferences.json'),
    JSON.stringify({ draft, preset: 'none', language: 'en', seedLocked: true }),
  );
  return {
    path,
    remove: () => {
      rmSync(path, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function stop(dial: number, densityWeight: number): DialStop {
  const measure = (name: 'precision' | 'recall', value: number) => ({
    name,
    value,
    low: value - 0.1,
    high: value + 0.1,
    generatedCount: 16,
    referenceCount: 200,
    features: 'quarters',
    note: null,
  });
  return {
    dial,
    guidanceScale: 1,
    guidanceInterval: null,
    densityWeight,
    densityThreshold: 50,
    measures: [measure('precision', 0.6 - 0.2 * dial), measure('recall', 0.5 + 0.2 * dial)],
    acceptance: 0.75,
    secondsPerKept: 0.1,
  };
}
