import fc from 'fast-check';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { npyBytes, parseNpy, readFeatures, writeFeatures } from '../../main/studio/npy.ts';

const folder = mkdtempSync(join(tmpdir(), 'gamut-npy-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** numpy.save of [[1.5, -2], [65504, 6e-8]] and the like, byte by byte. */
function npy(descr: string, shape: string, data: readonly number[], fortran = 'False', version = 1): Uint8Array {
  const header = `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${shape}, }\n`;
  const length =
    version === 1 ? [header.length & 255, header.length >> 8] : [header.length & 255, header.length >> 8, 0, 0];
  return Uint8Array.from([
    0x93,
    ...Buffer.from('NUMPY'),
    version,
    0,
    ...length,
    ...Buffer.from(header, 'latin1'),
    ...data,
  ]);
}

describe('a .npy file', () => {
  it('comes back as it was written, in both float widths', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 5, maxLength: 40 }),
        fc.boolean(),
        (width, all, wide) => {
          const count = Math.floor(all.length / width);
          const plain = all.slice(0, count * width);
          const values = wide ? Float64Array.from(plain) : Float32Array.from(plain);
          const parsed = parseNpy(npyBytes({ count, width, values }), 'x');
          expect(parsed).toEqual({ type: wide ? '<f8' : '<f4', shape: [count, width], values });
        },
      ),
    );
  });

  it('has a header of a multiple of 64 bytes, as numpy writes it', () => {
    const bytes = npyBytes({ count: 2, width: 3, values: new Float32Array(6) });
    expect((bytes.length - 24) % 64).toBe(0);
    expect(bytes[bytes.length - 25]).toBe(10);
  });

  it('that is a folder, or not of floats, is refused in words', async () => {
    await expect(readFeatures(folder)).rejects.toMatchObject({
      code: 'bad-input',
      message: `${folder}: expected a .npy file, got a folder`,
    });
    const bigEndian = join(folder, 'big-endian.npy');
    writeFileSync(bigEndian, npy('>f4', '(1, 1)', [0, 0, 0, 0]));
    await expect(readFeatures(bigEndian)).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringMatching(/expected .*<f2, <f4 or <f8.*, got >f4/),
    });
  });

  it('of numbers whose squares overflow is refused, with the place', async () => {
    const path = join(folder, 'huge.npy');
    await writeFeatures(path, { count: 2, width: 2, values: Float64Array.of(1, 2, 3, -1e200) });
    await expect(readFeatures(path)).rejects.toMatchObject({
      code: 'bad-input',
      message: `${path}: expected numbers within ±1e60, got -1e+200 at row 1, column 1`,
    });
  });

  it('of half floats is widened: normal, subnormal, largest, negative', () => {
    const data = [0x00, 0x3e, 0x00, 0xc0, 0xff, 0x7b, 0x01, 0x00];
    expect([...parseNpy(npy('<f2', '(2, 2)', data), 'x').values]).toEqual([1.5, -2, 65504, Math.fround(2 ** -24)]);
  });

  it('of whole numbers is read too, and version 2 headers', () => {
    expect([
      ...parseNpy(npy('<i8', '(2,)', [5, 0, 0, 0, 0, 0, 0, 0, ...Array(8).fill(255)], 'False', 2), 'x').values,
    ]).toEqual([5, -1]);
  });

  it.each([
    ['another format', Uint8Array.from(Buffer.from('{"a": [1, 2, 3]}')), /expected a .npy file/],
    ['an empty file', new Uint8Array(0), /expected a .npy file/],
    ['a future version', npy('<f4', '(1, 1)', [0, 0, 0, 0], 'False', 9), /version 1 to 3, got 9/],
    ['big-endian floats', npy('>f4', '(1, 1)', [0, 0, 0, 0]), /expected elements of.*got >f4/],
    ['Fortran order', npy('<f4', '(1, 1)', [0, 0, 0, 0], 'True'), /expected C order/],
    ['missing values', npy('<f4', '(2, 2)', [0, 0, 0, 0]), /expected 16 bytes.*got 4/],
    ['values too many', npy('<f4', '(1, 1)', Array<number>(8).fill(0)), /expected 4 bytes.*got 8/],
    ['a cut header', npy('<f4', '(1, 1)', []).subarray(0, 20), /header is cut off/],
    ['a header without shape', npy('<f4', 'None', []), /descr, fortran_order and shape/],
  ])('is refused when it is %s', (_, bytes, message) => {
    expect(() => parseNpy(bytes, 'x.npy')).toThrow(message);
  });
});

describe('feature rows from disk', () => {
  it('are what was written', async () => {
    const path = join(folder, 'a.npy');
    const features = { count: 2, width: 2, values: Float64Array.of(1, 2, 3, 4) };
    await writeFeatures(path, features);
    expect(await readFeatures(path)).toEqual(features);
  });

  it.each([
    ['one dimension', npy('<f4', '(2,)', [0, 0, 0, 0, 0, 0, 0, 0]), /expected two dimensions.*got \(2\)/],
    ['no rows', npy('<f4', '(0, 3)', []), /at least one row/],
    ['whole numbers', npy('<i4', '(1, 1)', [1, 0, 0, 0]), /expected elements of <f2, <f4 or <f8.*got <i4/],
    ['a row that is not a number', npy('<f4', '(2, 1)', [0, 0, 0, 0, 0, 0, 0xc0, 0x7f]), /got NaN at row 1, column 0/],
  ])('are refused with %s', async (name, bytes, message) => {
    const path = join(folder, `${name}.npy`);
    writeFileSync(path, bytes);
    await expect(readFeatures(path)).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringMatching(message),
    });
  });
});
