import { join } from 'node:path';

import { presetFileSchema, type PresetFile } from '../contract/presets.ts';
import type { DialStop } from '../contract/models.ts';
import { makeFolder, writeFileAtomically } from '../library/files.ts';
import type { Calibration } from './calibration.ts';

/** The three presets by their file names: where on the dial they stand, and what they are for. */
const presets = {
  faithful: {
    name: 'Faithful',
    dial: -0.75,
    description: 'Close to the brief and to what is typical; images resemble each other.',
  },
  balanced: { name: 'Balanced', dial: 0, description: 'The model as it is: no reweighting, its usual guidance.' },
  exploratory: {
    name: 'Exploratory',
    dial: 0.75,
    description: 'Wider and stranger: unusual images are favoured, and more of them are to be thrown away.',
  },
} as const;

/** Images of a batch: few enough to look at one by one. */
const count = 12;

/**
 * Three presets on a calibrated path, each with the figures that its stop scored.
 *
 * @throws RangeError where the path has no stop at a preset's place
 */
export function presetsOf({ path, stepCount, briefs, keptPerBrief }: Calibration): Record<string, PresetFile> {
  return Object.fromEntries(
    Object.entries(presets).map(([id, { name, dial, description }]) => {
      const stop = path.stops.find((one) => one.dial === dial);
      if (stop === undefined) throw new RangeError(`presets: the path has no stop at ${dial}`);
      const tunedFor =
        `Dial ${dial} of the calibrated path, ${stepCount} steps; measured over ${briefs.length} briefs of ${keptPerBrief} images: ` +
        `${figuresOf(stop)}.`;
      return [
        id,
        presetFileSchema.parse({
          gamutPreset: 1,
          name,
          description,
          tunedFor,
          settings: { dial, stepCount, count },
        }),
      ];
    }),
  );
}

/** "precision 0.81 (0.78–0.84), recall 0.42 (…), Vendi score 6.1 (…), 1 in 2.1 kept". */
function figuresOf({ measures, acceptance }: DialStop): string {
  const named = {
    precision: 'precision',
    recall: 'recall',
    frechetDistance: 'Fréchet distance',
    vendiScore: 'Vendi score',
  };
  const figures = Object.entries(named).flatMap(([key, label]) => {
    const measure = measures.find(({ name }) => name === key);
    if (measure?.value == null) return [];
    const { value, low, high } = measure;
    const range = low === null || high === null ? '' : ` (${low.toPrecision(3)}–${high.toPrecision(3)})`;
    return [`${label} ${value.toPrecision(3)}${range}`];
  });
  const kept = acceptance === null ? [] : [`1 in ${(1 / acceptance).toFixed(1)} kept`];
  return [...figures, ...kept].join(', ');
}

/** Writes the presets into a folder, a file each, and says where. */
export async function writePresets(folder: string, calibration: Calibration): Promise<string[]> {
  await makeFolder(folder);
  const written: string[] = [];
  for (const [id, preset] of Object.entries(presetsOf(calibration))) {
    const file = join(folder, `${id}.json`);
    await writeFileAtomically(file, `${JSON.stringify(preset, null, 2)}\n`);
    written.push(file);
  }
  return written;
}
