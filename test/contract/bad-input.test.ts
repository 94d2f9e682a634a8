import { describe, expect, it } from 'vitest';
import { answererOf } from '../../main/contract/calls/handlers.ts';
import { likelihoodCalls } from '../../main/contract/calls/likelihood.ts';
import { nudgeCalls } from '../../main/contract/calls/nudge.ts';

/** A studio that must not be reached. */
const never = (): never => {
  throw new Error('bad input came through');
};
const { follow } = answererOf(
  { likelihood: likelihoodCalls, nudge: nudgeCalls },
  { likelihood: { score: never }, nudge: { run: never, obstacle: never, keep: never } },
);

const surprise = { image: 'a', prompt: 'red vase', model: 'flow' };
const nudge = { image: 'a', direction: 'typical' };

describe('a window is told in one line with a code what was expected and what came:', () => {
  it.each([
    ['zero probes', 'likelihood.score', { ...surprise, probeCount: 0 }, 'probeCount: expected at least 1, got 0'],
    [
      'half a probe',
      'likelihood.score',
      { ...surprise, probeCount: 1.5 },
      'probeCount: expected a whole number, got 1.5',
    ],
    ['zero steps', 'likelihood.score', { ...surprise, stepCount: 0 }, 'stepCount: expected at least 1, got 0'],
    [
      'a confounder of 10,000 words',
      'likelihood.score',
      { ...surprise, confounders: ['blue vase', 'word '.repeat(10_000)] },
      'confounders.1: Too big: expected string to have <=20000 characters, got 50000 characters',
    ],
    [
      'too many confounders',
      'likelihood.score',
      { ...surprise, confounders: Array.from({ length: 65 }, (_, at) => `vase ${at}`) },
      'confounders: Too big: expected array to have <=64 items, got 65',
    ],
    ['no budget', 'nudge.run', { ...nudge, budget: 0 }, 'budget: expected a number above 0, got 0'],
    ['a negative budget', 'nudge.run', { ...nudge, budget: -0.1 }, 'budget: expected a number above 0, got -0.1'],
    ['a budget beyond all', 'nudge.run', { ...nudge, budget: 5 }, 'budget: expected at most 4, got 5'],
    [
      'a budget that is no number',
      'nudge.run',
      { ...nudge, budget: NaN },
      'budget: Invalid input: expected number, received NaN',
    ],
    [
      'no direction',
      'nudge.run',
      { ...nudge, direction: 'sideways' },
      'direction: expected typical or unusual, got "sideways"',
    ],
  ])('%s', async (_, call, input, message) => {
    const [where = ''] = message.split(':');
    const signals = await Array.fromAsync(follow(call, input, new AbortController().signal));
    expect(signals).toEqual([
      { failure: { code: 'bad-input', message: `${call}.${message}`, where: `${call}.${where}` } },
    ]);
  });
});
