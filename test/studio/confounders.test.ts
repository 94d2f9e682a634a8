import { describe, expect, it } from 'vitest';
import { uniformNumbers } from '../../main/engine/features/uniform.ts';
import { philoxStream } from '../../main/engine/tensor/philox.ts';
import { confoundersOf } from '../../main/studio/confounders.ts';

const heads = [
  { name: 'color', output: 'logits_color', values: ['red', 'blue', 'sky blue', 'none'] },
  { name: 'backdrop', output: 'logits_backdrop', values: ['red', 'sky'] },
];
const colour = { name: 'color', heads };
const random = (seed = 1) => uniformNumbers(philoxStream(seed, 0, 'selection'));

describe('confounders of a caption', () => {
  it('exchange the value of the attribute, and nothing else', () => {
    const { captions, exchanged } = confoundersOf('a Red vase, reddish', [], colour, 9, random());
    expect([[...captions].sort(), exchanged]).toEqual([['a blue vase, reddish', 'a sky blue vase, reddish'], 2]);
  });

  it('exchange it where the caption means it, not where the same word is said of something else', () => {
    const { captions } = confoundersOf('on a red backdrop, a red vase', [], colour, 1, () => 0);
    expect(captions).toEqual([expect.stringMatching(/^on a red backdrop, a (sky )?blue vase$/)]);
    // A colour by a word that no head knows is not exchanged for that of the backdrop.
    expect(confoundersOf('a rust vase on a sky blue backdrop', [], colour, 9, random()).captions).toEqual([]);
  });

  it('are filled up with captions of other pictures, each once and never its own', () => {
    const others = ['a bowl', 'a bowl', 'a red vase', 'a jug'];
    const { captions: found, exchanged } = confoundersOf('a red vase', others, colour, 9, random());
    expect(exchanged).toBe(2);
    expect([found.slice(0, 2).sort(), found.slice(2).sort()]).toEqual([
      ['a blue vase', 'a sky blue vase'],
      ['a bowl', 'a jug'],
    ]);
  });

  it.each([null, colour])('are other captions where the attribute is not asked for or not stated', (attribute) => {
    const found = confoundersOf('a vase', ['a vase', 'a jug'], attribute, 3, random());
    expect(found).toEqual({ captions: ['a jug'], exchanged: 0 });
  });

  it('are the same for the same stream', () => {
    const others = Array.from({ length: 20 }, (_, at) => `caption ${at}`);
    const choose = (seed: number) => confoundersOf('own', others, null, 5, random(seed));
    expect(choose(1)).toEqual(choose(1));
    expect(choose(1)).not.toEqual(choose(2));
  });
});
