import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { loadFeatureEncoder, type Preprocessing } from '../../main/model-packages/feature-encoder.ts';
import { preprocessImage } from '../../main/studio/preprocess-image.ts';
import { temporaryFolder } from '../doubles/packages.ts';

const plain: Preprocessing = {
  resize: null,
  resample: 'bicubic',
  centreCrop: null,
  rescaleFactor: 1 / 255,
  mean: [0, 0, 0],
  deviation: [1, 1, 1],
};

/** Red rises along x, green along y, blue is constant. */
function ramp(width: number, height: number) {
  const pixels = Uint8Array.from({ length: 3 * width * height }, (_, at) => {
    const pixel = Math.floor(at / 3);
    return [(pixel % width) * 2, Math.floor(pixel / width) * 2, 51][at % 3] ?? 0;
  });
  return { kind: 'pixels', width, height, pixels } as const;
}

describe('pixel values', () => {
  it('are planes, rescaled and normalised a channel each', async () => {
    const { values } = await preprocessImage(ramp(2, 2), { ...plain, mean: [0, 0, 0.1], deviation: [1, 2, 0.5] });
    const expected = [0, 2 / 255, 0, 2 / 255, 0, 0, 1 / 255, 1 / 255, 0.2, 0.2, 0.2, 0.2];
    expect([...values]).toEqual(expected.map((value) => expect.closeTo(value, 6)));
  });

  it('of a wide picture keep their aspect to the shortest edge, and the middle is cut out', async () => {
    const sized = await preprocessImage(ramp(120, 60), { ...plain, resize: { shortestEdge: 30 } });
    expect([sized.width, sized.height]).toEqual([60, 30]);
    const cut = await preprocessImage(ramp(120, 60), {
      ...plain,
      resize: { shortestEdge: 30 },
      centreCrop: { width: 30, height: 30 },
    });
    expect([cut.width, cut.height]).toEqual([30, 30]);
    // Columns 15 … 44 of 60, each the mean of two: 2 · (2 · 15 + 0.5) at the left edge.
    expect((cut.values[15 * 30] ?? 0) * 255).toBeCloseTo(61, 0);
    expect((cut.values[15 * 30 + 29] ?? 0) * 255).toBeCloseTo(177, 0);
  });

  it.each(['nearest', 'bilinear', 'bicubic', 'lanczos'] as const)('halved by %s stay a ramp', async (resample) => {
    const { values, width } = await preprocessImage(ramp(80, 80), {
      ...plain,
      resample,
      resize: { width: 40, height: 40 },
    });
    for (const x of [10, 20, 30]) expect(Math.abs((values[20 * width + x] ?? 0) * 255 - (4 * x + 1))).toBeLessThan(1.6);
  });

  it('beyond the edge of a small picture are black', async () => {
    const { values } = await preprocessImage(ramp(2, 2), { ...plain, centreCrop: { width: 4, height: 4 } });
    expect(values[2 * 16]).toBe(0);
    expect(values[2 * 16 + 5]).toBeCloseTo(0.2, 6);
  });

  it('of a transparent, turned picture are its colours, the right way up', async () => {
    const two = Uint8Array.of(255, 0, 0, 0, 0, 255, 0, 255);
    const bytes = await sharp(two, { raw: { width: 2, height: 1, channels: 4 } })
      .withMetadata({ orientation: 6 })
      .png()
      .toBuffer();
    const { width, height, values } = await preprocessImage({ kind: 'encoded', bytes }, plain);
    expect([width, height]).toEqual([1, 2]);
    expect([...values]).toEqual([1, 0, 0, 1, 0, 0]);
  });

  it('are not had from bytes that are no picture', async () => {
    await expect(preprocessImage({ kind: 'encoded', bytes: Buffer.from('no picture') }, plain)).rejects.toThrow();
  });
});

describe('an image encoder folder of another project', () => {
  const dino = {
    do_resize: true,
    size: { shortest_edge: 256 },
    resample: 3,
    do_center_crop: true,
    crop_size: { height: 224, width: 224 },
    do_rescale: true,
    rescale_factor: 0.00392156862745098,
    do_normalize: true,
    image_mean: [0.485, 0.456, 0.406],
    image_std: [0.229, 0.224, 0.225],
  };

  function folderWith(config: object, model = 'onnx/model.onnx') {
    const folder = temporaryFolder();
    mkdirSync(join(folder.path, 'onnx'));
    writeFileSync(join(folder.path, model), 'weights');
    writeFileSync(join(folder.path, 'preprocessor_config.json'), JSON.stringify(config));
    return folder;
  }

  it('is read with its own preprocessing (DINOv2’s configuration)', () => {
    using folder = folderWith(dino);
    expect(loadFeatureEncoder(folder.path)).toMatchObject({
      imageModel: join(folder.path, 'onnx/model.onnx'),
      preprocessing: {
        resize: { shortestEdge: 256 },
        resample: 'bicubic',
        centreCrop: { width: 224, height: 224 },
        mean: [0.485, 0.456, 0.406],
      },
      text: null,
      attributes: [],
    });
  });

  it('is read in CLIP’s older spelling, with sizes as numbers', () => {
    using folder = folderWith({ ...dino, size: 224, crop_size: 224, resample: 2 });
    expect(loadFeatureEncoder(folder.path).preprocessing).toMatchObject({
      resize: { shortestEdge: 224 },
      resample: 'bilinear',
      centreCrop: { width: 224, height: 224 },
    });
  });

  it('has another fingerprint when weights or preprocessing change', () => {
    using first = folderWith(dino);
    using second = folderWith({ ...dino, resample: 2 });
    using third = folderWith(dino);
    writeFileSync(join(third.path, 'onnx/model.onnx'), 'other weights');
    const prints = [first, second, third].map(({ path }) => loadFeatureEncoder(path).fingerprint);
    expect(new Set(prints).size).toBe(3);
  });

  it.each([
    [{ ...dino, size: undefined }, /expected size, found none/],
    [{ ...dino, image_mean: undefined }, /expected image_mean and image_std/],
    [{ ...dino, crop_size: undefined }, /expected crop_size/],
    [{ ...dino, resample: 9 }, /resample/],
  ])('is refused when its configuration lacks something', (config, message) => {
    using folder = folderWith(config);
    expect(() => loadFeatureEncoder(folder.path)).toThrow(message);
  });
});
