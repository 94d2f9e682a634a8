import type { ImageRecord } from '../../main/contract/images.ts';
import { generationSettingsSchema, type GenerationRequest } from '../../main/contract/settings.ts';
import type { Pixels } from '../../main/library/image-file/encode-image-file.ts';

/** A complete record as a generation would write it. */
export function exampleRecord(
  settings: Partial<GenerationRequest> = {},
  changes: Partial<ImageRecord> = {},
): ImageRecord {
  return {
    application: { name: 'Gamut', version: '0.1.0' },
    settings: generationSettingsSchema.parse({
      model: 'gamut-products',
      prompt: 'tall matte vase',
      seed: 7,
      ...settings,
    }),
    index: 0,
    batch: 'batch-1',
    createdAt: '2026-11-23T21:00:00.000Z',
    model: { id: 'gamut-products', hash: `sha256:${'ab'.repeat(32)}`, precision: 'float32' },
    provider: { tried: [{ provider: 'cpu', outcome: 'chosen', reason: null }], chosen: 'cpu' },
    width: 24,
    height: 16,
    scores: { pseudoDensity: 1.25, densityPercentile: 40, textImageScore: 0.31, classProbability: null },
    reweighting: null,
    prompt: { unknownWords: [], tokensDropped: 0 },
    notes: [],
    ...changes,
  };
}

/** A picture that differs for every `seed`: a gradient with a bright spot somewhere. */
export function examplePixels(seed = 0, width = 24, height = 16): Pixels {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) {
      const at = (y * width + x) * 3;
      data[at] = (x * 9 + seed * 31) % 256;
      data[at + 1] = (y * 13 + seed * 17) % 256;
      data[at + 2] = ((x + y) * 5 + seed * 7) % 256;
    }
  return { width, height, data };
}
