import { describe, expect, it } from 'vitest';
import { movedOn } from '../../renderer/state/recommended.ts';

const silent = { stepCount: null, guidanceScale: null };
const distilled = { stepCount: 4, guidanceScale: 1 };
const own = { stepCount: 20, guidanceScale: 2 };

describe('steps and guidance as the model changes', () => {
  it('go where the next model recommends them while nobody moved them', () => {
    expect(movedOn({ stepCount: 20, guidanceScale: 3 }, undefined, distilled)).toEqual(distilled);
    expect(movedOn({ stepCount: 20, guidanceScale: 3 }, silent, own)).toEqual(own);
    expect(movedOn(own, own, distilled)).toEqual(distilled);
  });

  it('go back to what holds for all where the next model says nothing', () => {
    expect(movedOn(distilled, distilled, silent)).toEqual({ stepCount: 20, guidanceScale: 3 });
  });

  it('stay where a person set them, each for itself', () => {
    expect(movedOn({ stepCount: 30, guidanceScale: 5 }, own, distilled)).toEqual({});
    expect(movedOn({ stepCount: 30, guidanceScale: 2 }, own, distilled)).toEqual({ guidanceScale: 1 });
    expect(movedOn({ stepCount: 20, guidanceScale: 7 }, own, distilled)).toEqual({ stepCount: 4 });
  });
});
