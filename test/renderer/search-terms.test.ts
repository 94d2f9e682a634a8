import { expect, it } from 'vitest';
import { problemOf, termsOf } from '../../renderer/state/search-terms.ts';

const plain = {
  words: '',
  seed: null,
  samplers: [],
  stepCount: null,
  guidanceScale: null,
  dial: null,
  createdFrom: null,
  createdTo: null,
};
/** A moment where the person lives. */
const local = (...parts: readonly [number, number, number]): Date => new Date(...parts);
const before = (moment: Date): string => new Date(moment.getTime() - 1).toISOString();

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
  ['after:2026-01-31', { createdFrom: local(2026, 0, 31).toISOString() }],
  ['after:2026-03 vase', { words: 'vase', createdFrom: local(2026, 2, 1).toISOString() }],
  ['Before:2026', { createdTo: before(local(2026, 0, 1)) }],
  [
    'after:2024-02-29 before:2024-03-01',
    { createdFrom: local(2024, 1, 29).toISOString(), createdTo: before(local(2024, 2, 1)) },
  ],
  ['after:2026-02-29', { words: 'after:2026-02-29' }],
  ['before:2026-13', { words: 'before:2026-13' }],
  ['after:26-01-31', { words: 'after:26-01-31' }],
  ['after:0026', { words: 'after:0026' }],
  ['after:yesterday', { words: 'after:yesterday' }],
  ['after:', { words: 'after:' }],
] as const)('%s', (text, terms) => {
  expect(termsOf(text)).toEqual({ ...plain, ...terms });
});

it.each([
  ['terracotta vase', null],
  ['after:2026-01-31 before:2027 seed:42 steps:20..30', null],
  ['colour:red', null],
  ['vase after:2026-02-29', { term: 'after:2026-02-29', example: 'after:2026-01-31' }],
  ['before:31.1.2026', { term: 'before:31.1.2026', example: 'before:2026-01-31' }],
  ['steps:many seed:x', { term: 'steps:many', example: 'steps:20..30' }],
])('says what in “%s” cannot be read, and how it is typed', (text, problem) => {
  expect(problemOf(text)).toEqual(problem);
});

it('finds no fault with its own examples', () => {
  for (const name of ['seed', 'steps', 'guidance', 'dial', 'sampler', 'after', 'before']) {
    const problem = problemOf(`${name}:?`);
    expect(problem?.example).toMatch(new RegExp(`^${name}:`));
    expect(problemOf(problem?.example ?? '')).toBeNull();
  }
});
