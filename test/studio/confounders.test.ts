import { describe, expect, it } from 'vitest';
import { uniformNumbers } from '../../main/engine/features/uniform.ts';
import { philoxStream } from '../../main/engine/tensor/philox.ts';
import { confoundersOf } from '../../main/studio/confounders.ts';

const colour = { name: 'color', output: 'logits_color', values: ['red', 'blue', 'sky blue', 'none'] };
const random = (seed = 1) => uniformNumbers(philoxStream(seed, 0, 'selection'));

describe('confounders of a caption', () => {
  it('exchange the value of the attribute, and nothing else', () => {
    expect(confoundersOf('a Red vase, reddish', [], colour, 9, random()).sort()).toEqual([
      'a blue vase, reddish',
      'a sky blue vase, reddish',
    ]);
  });

  it('are filled up with captions of other pictures, each once and never its own', () => {
    const others = ['a bowl', 'a bowl', 'a red vase', 'a jug'];
    const found = confoundersOf('a red vase', others, colour, 9, random());
    expect([found.slice(0, 2).sort(), found.slice(2).sort()]).toEqual([
      ['a blue vase', 'a sky blue vase'],
      ['a bowl', 'a jug'],
    ]);
  });

  it.each([null, colour])('are other captions where the attribute is not asked for or not stated', (head) => {
    expect(confoundersOf('a vase', ['a vase', 'a jug'], head, 3, random())).toEqual(['a jug']);
  });

  it('are the same for the same stream', () => {
    const others = Array.from({ length: 20 }, (_, at) => `caption ${at}`);
    const choose = (seed: number) => confoundersOf('own', others, null, 5, random(seed));
    expect(choose(1)).toEqual(choose(1));
    expect(choose(1)).not.toEqual(choose(2));
  });
});
