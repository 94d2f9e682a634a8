import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadFeatureEncoder } from '../../main/model-packages/feature-encoder.ts';
import { measuredPackage } from '../doubles/measured-package.ts';

describe('the attributes that an encoder tells', () => {
  it('may be said in other words, of the values it has', () => {
    using model = measuredPackage();
    const card = join(model.path, 'gamut.json');
    const plain = readFileSync(card, 'utf8');
    const withPhrases = (phrases: unknown): void => {
      const content = JSON.parse(plain) as { featureEncoder: { attributes: { color: object } } };
      content.featureEncoder.attributes.color = { ...content.featureEncoder.attributes.color, phrases };
      writeFileSync(card, JSON.stringify(content));
    };
    withPhrases({ red: ['scarlet'] });
    expect(loadFeatureEncoder(model.path).attributes).toMatchObject([{ name: 'color', phrases: { red: ['scarlet'] } }]);
    for (const wrong of [{ crimson: ['scarlet'] }, { red: [' '] }, { red: 'scarlet' }, ['scarlet']]) {
      withPhrases(wrong);
      expect(() => loadFeatureEncoder(model.path)).toThrow(/gamut\.json.*phrases/);
    }
  });
});
