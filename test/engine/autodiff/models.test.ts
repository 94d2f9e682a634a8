import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { differentiate } from '../../../main/engine/autodiff/differentiate.ts';
import { load, loadAll, numbersOf, openRaw, relativeError } from '../../doubles/raw-session.ts';
import { networkFolder, storedNetwork } from './stored-cases.ts';

const names = readdirSync(networkFolder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => name.replace('.json', ''));

describe('gradients of a whole network, against torch.autograd in float64:', () => {
  it('has networks of both exporters', () => {
    expect(names.filter((name) => name.endsWith('-dynamo')).length).toBeGreaterThan(7);
    expect(names.filter((name) => name.endsWith('-legacy')).length).toBeGreaterThan(7);
  });

  it.each(names)('%s', async (name) => {
    const { model, ...record } = storedNetwork(name);
    const withRespectTo = Object.keys(record.gradients);
    const graph = differentiate(model, { output: record.output, cotangent: 'cotangent', withRespectTo });
    const inputs = Object.entries(record.inputs).filter(([input]) =>
      graph.graph.inputs.some((each) => each.name === input),
    );
    // Chosen weights are inputs now: they are fed what they were.
    const weights = withRespectTo.flatMap((weight) => {
      const constant = model.graph.initializers.get(weight);
      if (constant?.content.kind !== 'bytes') return [];
      const data = new Float32Array(new Uint8Array(constant.content.bytes).buffer);
      return [[weight, { type: 'float32', dims: constant.dims, data }] as const];
    });
    const session = await openRaw(graph);
    const results = await session.run({
      ...loadAll(Object.fromEntries(inputs)),
      ...Object.fromEntries(weights),
      cotangent: load(record.cotangent),
    });
    await session.release();
    const y = results[record.output];
    expect(relativeError(numbersOf(y ?? load(record.y)), numbersOf(load(record.y)))).toBeLessThan(1e-4);
    const errors = withRespectTo.map((input) => {
      const [got, stored] = [results[`grad_${input}`], record.gradients[input]];
      return [input, got && stored ? relativeError(numbersOf(got), numbersOf(load(stored))) : Infinity] as const;
    });
    for (const [input, error] of errors) expect(error, `grad_${input}`).toBeLessThan(1e-5);
    if (process.env['GAMUT_VERBOSE'] !== undefined) console.log(name, graph.graph.nodes.length, errors);
  });
});
