import { expect, it } from 'vitest';
import { termsOf } from '../../renderer/state/search-terms.ts';

const plain = { words: '', seed: null, samplers: [], stepCount: null, guidanceScale: null, dial: null };

it.each([
  ['terracotta vase', { words: 'terracotta vase' }],
  ['vas ', { words: 'vas ' }],
  ['-blue vase', { words: '-blue vase' }],
  ['seed:42', { seed: 42 }],
  ['vase SEED:42 -blue', { words: 'vase -blue', seed: 42 }],
  ['steps:20', { stepCount: { low: 20, high: 20 } }],
  ['steps:20..30', { stepCount: { low: 20, high: 30 } }],
  ['guidance:2.5..', { guidanceScale: { low: 2.5, high: null } }],
  ['dial:-1..-0.5', { dial: { low: -1, high: -0.5 } }],
  ['dial:..0', { dial: { low: null, high: 0 } }],
  ['sampler:ddi', { samplers: ['ddim'] }],
  ['seed:', { words: 'seed:' }],
  ['seed:-1', { words: 'seed:-1' }],
  ['steps:many', { words: 'steps:many' }],
  ['steps:1.2.3', { words: 'steps:1.2.3' }],
  ['steps:20-30', { words: 'steps:20-30' }],
  [`steps:${'9'.repeat(400)}`, { words: `steps:${'9'.repeat(400)}` }],
  ['sampler:none', { words: 'sampler:none' }],
  ['constructor:x', { words: 'constructor:x' }],
  ['colour:red', { words: 'colour:red' }],
] as const)('%s', (text, terms) => {
  expect(termsOf(text)).toEqual({ ...plain, ...terms });
});
