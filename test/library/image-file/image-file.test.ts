import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { Failure } from '../../../main/contract/failures.ts';
import { encodeImageFile } from '../../../main/library/image-file/encode-image-file.ts';
import {
  readPngChunks,
  readPngTexts,
  textChunk,
  utf8TextChunk,
  writePngChunks,
  type PngChunk,
} from '../../../main/library/image-file/png-chunks.ts';
import { readImageFile } from '../../../main/library/image-file/read-image-file.ts';
import { transcode } from '../../../main/library/image-file/transcode.ts';
import { examplePixels, exampleRecord } from '../record.ts';

const nasty = 'vase, "matte": <b>&amp;</b> ]]> \u0001 \u0000 \r\n 花瓶 😀 \ud800 line\nNegative prompt: not one';

let png: Uint8Array;
beforeAll(async () => {
  png = await encodeImageFile(examplePixels(), exampleRecord());
});

function withChunk(chunk: PngChunk): Uint8Array {
  const [header, ...rest] = readPngChunks(png);
  if (header === undefined) throw new Error('no header');
  return writePngChunks([header, chunk, ...rest]);
}

async function failureOf(bytes: Uint8Array): Promise<Failure> {
  try {
    const file = await readImageFile(bytes);
    await file.pixels();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('expected a failure');
}

describe('a PNG of ours', () => {
  it('gives back the same pixels and the same record', async () => {
    const record = exampleRecord({ prompt: nasty, negativePrompt: nasty, guidanceInterval: { low: 0.2, high: 5 } });
    const pixels = examplePixels(3);
    const back = await readImageFile(await encodeImageFile(pixels, record));
    expect(back).toMatchObject({ format: 'png', width: 24, height: 16, foreign: null, record });
    const decoded = await back.pixels();
    expect(Buffer.from(decoded.data).equals(pixels.data)).toBe(true);
  });

  it('is the same bytes for the same input', async () => {
    const again = await encodeImageFile(examplePixels(), exampleRecord());
    expect(Buffer.from(again).equals(png)).toBe(true);
  });

  it('keeps its texts before the pixels, where every reader looks', () => {
    const types = readPngChunks(png).map((chunk) => chunk.type);
    expect(types[0]).toBe('IHDR');
    expect(types.indexOf('IDAT')).toBeGreaterThan(types.lastIndexOf('iTXt'));
    expect(types).toContain('sRGB');
  });

  it('shows its settings to other programs and the digital source type to agencies', async () => {
    const { comments, xmpAsString } = await sharp(png).metadata();
    const parameters = comments?.find((comment) => comment.keyword === 'parameters')?.text;
    expect(parameters).toBe(
      'tall matte vase\nSteps: 20, CFG scale: 3, Seed: 7, Size: 24x16, Model hash: ababababab, Model: gamut-products, Batch index: 0, Version: Gamut 0.1.0',
    );
    expect(xmpAsString).toContain('digitalsourcetype/trainedAlgorithmicMedia<');
  });

  it('says composite where a picture was the start', async () => {
    const record = exampleRecord({ image: { source: 'start.png', strength: 0.5 } });
    const { xmpAsString } = await sharp(await encodeImageFile(examplePixels(), record)).metadata();
    expect(xmpAsString).toContain('digitalsourcetype/compositeWithTrainedAlgorithmicMedia<');
  });

  it('refuses pixels of another size than recorded', async () => {
    await expect(encodeImageFile(examplePixels(0, 8, 8), exampleRecord())).rejects.toThrow(/24x16, got 8x8/);
  });

  it('carries any prompt there and back', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 60 }), async (prompt) => {
        const record = exampleRecord({ prompt });
        const back = await readImageFile(await encodeImageFile(examplePixels(), record));
        expect(back.record).toEqual(record);
      }),
      { numRuns: 60 },
    );
  });
});

describe.each(['jpeg', 'webp'] as const)('an export as %s', (format) => {
  it('keeps the record and the parameters text', async () => {
    const record = exampleRecord({ prompt: nasty });
    const bytes = await transcode(await encodeImageFile(examplePixels(), record), record, format, 90);
    const back = await readImageFile(bytes);
    expect(back).toMatchObject({ format, width: 24, height: 16, record });
    const { exif } = await sharp(bytes).metadata();
    expect(exif?.swap16().toString('utf16le') ?? '').toContain('Steps: 20');
  });

  it('keeps the picture close to the original', async () => {
    const pixels = examplePixels(0);
    const bytes = await transcode(png, exampleRecord(), format, 100);
    const { data } = await (await readImageFile(bytes)).pixels();
    const error = data.reduce((sum, value, i) => sum + Math.abs(value - (pixels.data[i] ?? 0)), 0) / data.length;
    expect(error).toBeLessThan(6);
  });
});

it('refuses a JPEG whose settings do not fit instead of losing them', async () => {
  const record = exampleRecord({ prompt: '花'.repeat(20_000) });
  const whole = await encodeImageFile(examplePixels(), record);
  await expect(transcode(whole, record, 'jpeg', 90)).rejects.toMatchObject({ code: 'unsupported' });
  const webp = await readImageFile(await transcode(whole, record, 'webp', 90));
  expect(webp.record).toEqual(record);
});

describe('a hostile or damaged file', () => {
  it('fails with a code when cut anywhere', async () => {
    for (let length = 0; length < png.length; length += 7)
      expect((await failureOf(png.subarray(0, length))).code).toBe('bad-input');
  });

  it('fails with a code, or reads the same, when any byte is changed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(png.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const damaged = Uint8Array.from(png);
        damaged[at] = (damaged[at] ?? 0) ^ change;
        expect((await failureOf(damaged)).code).toBe('bad-input');
      }),
      { numRuns: 200 },
    );
  });

  it('fails with a code for random bytes after a PNG signature', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (noise) => {
        const bytes = Buffer.concat([png.subarray(0, 8), noise]);
        expect((await failureOf(bytes)).code).toBe('bad-input');
      }),
    );
  });

  it('does not unpack a text that grows beyond all measure', async () => {
    const bomb = deflateSync(new Uint8Array(64 << 20));
    const zTXt = { type: 'zTXt', payload: Buffer.concat([Buffer.from('parameters\0\0'), bomb]) };
    const iTXt = { type: 'iTXt', payload: Buffer.concat([Buffer.from('parameters\0\u0001\0\0\0'), bomb]) };
    for (const chunk of [zTXt, iTXt]) expect((await failureOf(withChunk(chunk))).message).toMatch(/longer than 8 MiB/);
  });

  it('does not decode a picture that claims a giant size', async () => {
    const [header, ...rest] = readPngChunks(png);
    const payload = Uint8Array.from(header?.payload ?? []);
    new DataView(payload.buffer).setUint32(0, 0x7fffffff);
    const giant = writePngChunks([{ type: 'IHDR', payload }, ...rest]);
    expect((await failureOf(giant)).message).toMatch(/expected at most .* pixels/);
  });

  it('names a record of ours that is not one', async () => {
    const chunks = readPngChunks(png).filter(
      (chunk) => !Buffer.from(chunk.payload).toString('latin1').startsWith('gamut'),
    );
    const [header, ...rest] = chunks;
    if (header === undefined) throw new Error('no header');
    for (const text of ['{"application": 3}', 'no JSON'])
      expect((await failureOf(writePngChunks([header, utf8TextChunk('gamut', text), ...rest]))).message).toMatch(
        /record/,
      );
  });

  it('is told apart from other formats', async () => {
    const gif = await sharp({ create: { width: 4, height: 4, channels: 3, background: '#123' } })
      .gif()
      .toBuffer();
    expect((await failureOf(gif)).message).toMatch(/got gif/);
    expect((await failureOf(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>'))).code).toBe(
      'bad-input',
    );
  });
});

describe('texts of a PNG', () => {
  it('are Latin-1 where that holds them, else UTF-8', () => {
    expect(textChunk('parameters', 'größe').type).toBe('tEXt');
    expect(textChunk('parameters', '花瓶').type).toBe('iTXt');
  });

  it('come back by keyword, compressed or not', () => {
    const texts = readPngTexts([
      textChunk('a', 'é\nb'),
      utf8TextChunk('b', '花瓶'),
      { type: 'zTXt', payload: Buffer.concat([Buffer.from('c\0\0'), deflateSync(Buffer.from('花瓶'))]) },
      { type: 'zTXt', payload: Buffer.concat([Buffer.from('d\0\0'), deflateSync(Buffer.from('é', 'latin1'))]) },
    ]);
    expect(Object.fromEntries(texts)).toEqual({ a: 'é\nb', b: '花瓶', c: '花瓶', d: 'é' });
  });
});
