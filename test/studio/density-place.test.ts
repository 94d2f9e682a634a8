import { describe, expect, it, vi } from 'vitest';
import { densityPlaceSchema } from '../../main/contract/density.ts';
import { openPackage } from '../../main/model-packages/resolve.ts';
import { captionedPictures } from '../../main/studio/captioned-pictures.ts';
import { densityPlace } from '../../main/studio/density-place.ts';
import { modelFolders } from '../../main/studio/model-folders.ts';
import { defaultModel } from '../../main/studio/models.ts';
import { measuredPackage } from '../doubles/measured-package.ts';
import { packagesWorkshop } from '../doubles/packages-workshop.ts';
import { packageFolder, packagesFolder } from '../doubles/packages.ts';

vi.setConfig({ testTimeout: 120_000 });

/** One grey, whatever it is halfway between. */
const grey = (side: number, value: number) => ({
  width: side,
  height: side,
  pixels: Uint8Array.from({ length: 3 * side * side }, (_, at) => Math.floor(value + (at % 2) / 2)),
});

describe('the place of a picture among its references', () => {
  it('is typical in their middle and unusual far from them, with the nearest named nearest first', async () => {
    using model = measuredPackage();
    using workshop = packagesWorkshop();
    const opened = openPackage(model.path, workshop.folders);
    const middle = await densityPlace(grey(64, 127.5), 'vase', opened, workshop);
    const far = await densityPlace(grey(64, 250), 'vase', opened, workshop);
    for (const place of [middle, far]) densityPlaceSchema.parse(place);
    expect(middle.percentile).toBeGreaterThan(80);
    expect(far.percentile).toBe(0);
    expect(far.pseudoDensity).toBeLessThan(middle.pseudoDensity);
    expect(middle).toMatchObject({
      references: 'all 200 references of measured',
      k: 10,
      pictured: [],
      picturedCount: 0,
    });
    const distances = middle.nearest.map(({ distance }) => distance);
    expect(distances).toHaveLength(5);
    expect(distances).toEqual([...distances].sort((a, b) => a - b));
    // Half of the references are red.
    const red = await densityPlace(grey(64, 127.5), 'red vase', opened, workshop);
    expect(red.references).toBe('100 references of measured: red');
  });

  it('finds a reference of the built-in model again: its picture, its caption, hardly any distance', async () => {
    const folders = { ...modelFolders(), user: packagesFolder };
    using workshop = packagesWorkshop({ folders });
    const model = openPackage(defaultModel(folders), folders);
    const [, second] = await captionedPictures('reference', model, 2);
    if (second === undefined) throw new Error('no picture');
    const place = densityPlaceSchema.parse(await densityPlace(await second.read(), second.caption, model, workshop));
    expect(place.picturedCount).toBe(208);
    expect(place.pictured.map(({ caption }) => caption)[0]).toBe(second.caption);
    // Features are stored at half precision.
    expect(place.pictured[0]?.distance).toBeLessThan(0.1 * (place.pictured[1]?.distance ?? NaN));
    expect(place.pictured).toHaveLength(4);
    expect(place.nearest.every(({ caption }) => caption !== '')).toBe(true);
  });

  it('cannot be told without references', async () => {
    using workshop = packagesWorkshop();
    const model = openPackage(packageFolder('flow'), workshop.folders);
    await expect(densityPlace(grey(64, 127.5), 'vase', model, workshop)).rejects.toMatchObject({
      code: 'unsupported',
      message: 'density: model flow has no feature encoder with references',
    });
  });
});
