import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { manifestCsv, manifestJson } from '../../main/library/manifest.ts';
import { exampleRecord } from './record.ts';

/** RFC 4180 as a reader sees it. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  const field = /("(?:[^"]|"")*"|[^,\r\n]*)(,|\r\n|$)/y;
  while (field.lastIndex < text.length) {
    const [, raw = '', end = ''] = field.exec(text) ?? [];
    rows.at(-1)?.push(raw.startsWith('"') ? raw.slice(1, -1).replaceAll('""', '"') : raw);
    if (end === '\r\n') rows.push([]);
    if (end === '') break;
  }
  return rows.filter((row) => row.length > 0);
}

const image = (prompt: string) => ({ file: 'a.png', record: exampleRecord({ prompt }), rating: 4, tags: ['x', 'y'] });

describe('the manifest as CSV', () => {
  it('has one row an image under the names of the columns', () => {
    const [header = [], row = []] = parseCsv(manifestCsv({ images: [image('vase, "tall"\nmatte')] }).slice(1));
    const cells = Object.fromEntries(header.map((name, i) => [name, row[i]]));
    expect(cells).toMatchObject({
      file: 'a.png',
      rating: '4',
      tags: 'x; y',
      seed: '7',
      prompt: 'vase, "tall"\nmatte',
      densityPercentile: '40',
      classProbability: '',
    });
  });

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '＝1'])('makes no formula of %j', (prompt) => {
    const [header = [], row = []] = parseCsv(manifestCsv({ images: [image(prompt)] }).slice(1));
    expect(row[header.indexOf('prompt')]).toBe(`'${prompt}`);
  });

  it('leaves negative numbers numbers', () => {
    const record = exampleRecord({ dial: -0.5 });
    const [header = [], row = []] = parseCsv(manifestCsv({ images: [{ file: 'a.png', record }] }).slice(1));
    expect(row[header.indexOf('dial')]).toBe('-0.5');
  });

  it('names the sampler that was used where none was asked for', () => {
    const record = exampleRecord({}, { sampling: { sampler: 'euler-ancestral', eta: 0.7 } });
    const [header = [], row = []] = parseCsv(manifestCsv({ images: [{ file: 'a.png', record }] }).slice(1));
    expect(row[header.indexOf('sampler')]).toBe('euler-ancestral');
  });

  it('reads back any prompt, for any number of rows', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1, maxLength: 5 }), (prompts) => {
        const [header = [], ...rows] = parseCsv(manifestCsv({ images: prompts.map(image) }).slice(1));
        const at = header.indexOf('prompt');
        expect(rows.map((row) => row[at]?.replace(/^'(?=[=+\-@\t\r\n＝＋－＠])/, ''))).toEqual(prompts);
      }),
    );
  });
});

it('as JSON holds every record whole', () => {
  const batch = { batch: 'batch-1', images: [image('vase')], measures: [], cost: null };
  expect(JSON.parse(manifestJson(batch))).toEqual({ gamutManifest: 1, ...batch });
});
