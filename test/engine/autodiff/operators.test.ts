import { describe, expect, it } from 'vitest';
import { differentiate } from '../../../main/engine/autodiff/differentiate.ts';
import { decode } from '../../../main/engine/graph/decode.ts';
import { bytesOf, load, loadAll, numbersOf, openRaw, relativeError } from '../../doubles/raw-session.ts';
import { storedCases, type StoredCase } from './stored-cases.ts';

const cases = [...storedCases('operators.json'), ...storedCases('exports.json')];

/** Gradients of a case by our graph, by input; `spoil` scales the cotangent, to see that the comparison notices. */
async function gradientsOf(each: StoredCase, spoil = 1): Promise<Record<string, number>> {
  const withRespectTo = Object.keys(each.gradients);
  const graph = differentiate(decode(bytesOf(each.model)), { output: 'y', cotangent: 'dy', withRespectTo });
  const session = await openRaw(graph);
  const cotangent = load(each.cotangent);
  if (spoil !== 1)
    cotangent.data.forEach((value, index) => ((cotangent.data as Float32Array)[index] = Number(value) * spoil));
  const results = await session.run({ ...loadAll(each.inputs), dy: cotangent });
  await session.release();
  return Object.fromEntries(
    withRespectTo.map((name) => {
      const got = results[`grad_${name}`];
      const stored = each.gradients[name];
      if (got === undefined || stored === undefined) return [name, Infinity];
      expect(got.dims, `dims of grad_${name}`).toEqual(stored.dims);
      expect(got.type, `type of grad_${name}`).toBe(each.inputs[name]?.type);
      return [name, relativeError(numbersOf(got), numbersOf(load(stored)))];
    }),
  );
}

describe('the rule of', () => {
  it.each(cases.map((each) => [each.name, each] as const))('%s agrees with the reference', async (_, each) => {
    const errors = await gradientsOf(each);
    for (const [name, error] of Object.entries(errors)) expect(error, `grad_${name}`).toBeLessThan(each.tolerance);
  });
});

it('tells a gradient that is wrong by one in ten thousand', async () => {
  const sample = cases.filter(({ name }) => ['Exp', 'Conv 3x3, batch 5', 'Softmax over 1'].includes(name));
  expect(sample).toHaveLength(3);
  for (const each of sample)
    for (const error of Object.values(await gradientsOf(each, 1.0001))) expect(error).toBeGreaterThan(each.tolerance);
});
