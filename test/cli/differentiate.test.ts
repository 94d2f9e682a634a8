import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { decode } from '../../main/engine/graph/decode.ts';
import { encode } from '../../main/engine/graph/encode.ts';
import type { Model } from '../../main/engine/graph/model.ts';
import { differentiateFile } from '../../main/studio/differentiate.ts';
import { floats, modelOf, op, value } from '../doubles/small-models.ts';
import { openRaw } from '../doubles/raw-session.ts';

const folder = mkdtempSync(join(tmpdir(), 'gamut-differentiate-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const program = fileURLToPath(new URL('../../main/cli/program.ts', import.meta.url));

function gamut(...args: readonly string[]): {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
} {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, 'differentiate', ...args], {
    encoding: 'utf8',
  });
  return { status, out: stdout, err: stderr };
}

/** L = Σ x·w, y = x·w; w stands in the file w.bin. */
const model = modelOf(
  [op('Mul', ['x', 'w'], 'y'), op('ReduceSum', ['y'], 'L', { keepdims: 0 })],
  [value('x', [2]), value('i', [1], 'int64')],
  [value('L', []), value('y', [2])],
);
const weight = {
  elementType: 'float32',
  dims: [2],
  content: { kind: 'external', location: 'w.bin', offset: 4, length: 8 },
} as const;
const external: Model = { ...model, graph: { ...model.graph, initializers: new Map([['w', weight]]) } };
const file = join(folder, 'model.onnx');
writeFileSync(file, encode(external));
writeFileSync(join(folder, 'w.bin'), new Uint8Array(Float32Array.of(99, 3, 5).buffer));

describe('gamut differentiate', () => {
  it('writes a graph that any session runs, and says what is in it', { timeout: 120_000 }, async () => {
    const out = join(folder, 'gradient.onnx');
    const { status, out: text } = gamut(file, '--output', 'L', '--wrt', 'x,w', '--out', out, '--json');
    expect(status).toBe(0);
    expect(JSON.parse(text)).toMatchObject({ path: out, dataPath: null, outputs: ['L', 'grad_x', 'grad_w'] });
    const session = await openRaw(readFileSync(out));
    const result = await session.run({
      x: floats([2], [1, 2]),
      w: floats([2], [3, 5]),
      i: { type: 'int64', dims: [1], data: BigInt64Array.of(0n) },
    });
    await session.release();
    expect([...(result['grad_x']?.data ?? [])]).toEqual([3, 5]);
    expect([...(result['grad_w']?.data ?? [])]).toEqual([1, 2]);
  });
});

describe('gamut differentiate with bad input says one line, exits with 2 and writes nothing:', () => {
  /** d = det x has no rule; L = d + b needs it for x alone. */
  const strange = modelOf(
    [op('Det', ['x'], 'd'), op('Add', ['d', 'b'], 'L')],
    [value('x', [2, 2]), value('b', []), value('i', [1], 'int64')],
    [value('L', []), value('k', [2], 'int64')],
    { k: ['int64', [2], [1, 2]] },
  );
  const scalars = [[value('x', [])], [value('L', [])]] as const;
  const cycle = modelOf([op('Add', ['x', 'b'], 'a'), op('Neg', ['a'], 'b'), op('Neg', ['b'], 'L')], ...scalars);
  const dangling = modelOf([op('Neg', ['nothing'], 'L')], ...scalars);
  const vector = modelOf([op('Neg', ['x'], 'L')], [value('x', ['n', 3])], [value('L', ['n', 3])]);

  it.each<[string, Model | string, string, string]>([
    ['an operator without a rule on the way', strange, 'x', 'Det (→ d): no gradient rule for the operator Det'],
    ['a cycle', cycle, 'x', 'expected a graph without cycles; 3 nodes wait for each other, first Add (→ a)'],
    [
      'an input that nobody makes',
      dangling,
      'x',
      'Neg (→ L): input "nothing" is not made before it (a cycle, or missing)',
    ],
    [
      'bytes that are no model',
      'not a model',
      'x',
      'expected an ONNX model, got 11 bytes that do not parse: illegal tag: field no 13 wire type 6',
    ],
    ['no bytes at all', '', 'x', 'expected an ONNX model, got 0 bytes that hold no graph'],
    [
      'a name that does not exist',
      strange,
      'nobody',
      'expected an input or initializer of the model (inputs: x, b, i), got "nobody"',
    ],
    ['an integer input', strange, 'i', '"i": expected floating point, got int64'],
    ['integer weights', strange, 'k', '"k": expected floating point, got int64'],
    [
      'an output that is no scalar, without a cotangent',
      vector,
      'x',
      'output "L": expected a scalar, got dims [n, 3]; name a cotangent for the vector–Jacobian product',
    ],
  ])('%s', { timeout: 120_000 }, (_, given, name, line) => {
    const own = mkdtempSync(join(folder, 'bad-'));
    const source = join(own, 'model.onnx');
    writeFileSync(source, typeof given === 'string' ? given : encode(given));
    const { status, out, err } = gamut(source, '--output', 'L', '--wrt', name, '--out', join(own, 'gradient.onnx'));
    expect({ status, out, err }).toEqual({ status: 2, out: '', err: `gamut: ${line}\n` });
    expect(readdirSync(own)).toEqual(['model.onnx']);
  });
});

describe('the file of a gradient', () => {
  it('ends with 2 and one line for a malformed node, and writes nothing', { timeout: 120_000 }, () => {
    const broken = join(folder, 'broken.onnx');
    const out = join(folder, 'never.onnx');
    const nodes = [{ ...op('MatMul', ['x'], 'y'), name: 'product' }, op('ReduceSum', ['y'], 'L', { keepdims: 0 })];
    writeFileSync(broken, encode(modelOf(nodes, [value('x', [2, 2])], [value('L', [])])));
    const { status, out: text, err } = gamut(broken, '--output', 'L', '--wrt', 'x', '--out', out);
    expect(status).toBe(2);
    expect(text).toBe('');
    expect(err.trim().split('\n')).toHaveLength(1);
    expect(err).toContain('MatMul "product" (→ y): expected the input "B" (2 inputs), got 1 without it');
    expect(existsSync(out)).toBe(false);
  });

  it('shares external weights in the same folder, and copies them into another', () => {
    const shared = differentiateFile({
      model: file,
      output: 'L',
      withRespectTo: ['x'],
      out: join(folder, 'shared.onnx'),
    });
    expect(shared.dataPath).toBeNull();
    expect(decode(readFileSync(shared.path)).graph.initializers.get('w')?.content).toEqual(weight.content);

    const other = join(folder, 'other');
    mkdirSync(other);
    const copied = differentiateFile({ model: file, output: 'L', withRespectTo: ['x'], out: join(other, 'g.onnx') });
    expect(readdirSync(other).sort()).toEqual(['g.onnx', 'g.onnx.data']);
    expect(new Float32Array(new Uint8Array(readFileSync(copied.dataPath ?? '')).buffer)).toEqual(Float32Array.of(3, 5));
  });

  it.each([
    ['a model that is not there', { model: join(folder, 'missing.onnx') }, 'not-found'],
    ['a folder', { model: folder }, 'not-found'],
    ['an integer input', { withRespectTo: ['i'] }, 'bad-input'],
    ['an output with more than one element', { output: 'y' }, 'bad-input'],
    ['a cotangent of a gradient’s name', { cotangent: 'grad_x' }, 'bad-input'],
  ])('is not made from %s', (_, change, code) => {
    const request = { model: file, output: 'L', withRespectTo: ['x'], out: join(folder, 'bad.onnx'), ...change };
    expect(() => differentiateFile(request)).toThrow(expect.objectContaining({ code }));
    expect(existsSync(request.out)).toBe(false);
  });

  it('is not made from an unfinished download', () => {
    const cut = join(folder, 'cut');
    mkdirSync(cut);
    writeFileSync(join(cut, 'model.onnx'), encode(external));
    writeFileSync(join(cut, 'w.bin'), new Uint8Array(6));
    const run = () =>
      differentiateFile({
        model: join(cut, 'model.onnx'),
        output: 'L',
        withRespectTo: ['x'],
        out: join(cut, 'g.onnx'),
      });
    expect(run).toThrow(expect.objectContaining({ code: 'model-broken' }));
    expect(readdirSync(cut).sort()).toEqual(['model.onnx', 'w.bin']);
  });

  it('leaves nothing behind where it cannot be written', () => {
    const out = join(folder, 'no-such-folder', 'g.onnx');
    const run = () => differentiateFile({ model: file, output: 'L', withRespectTo: ['x'], out });
    expect(run).toThrow(/expected a folder to write "g\.onnx" into, found none at .*no-such-folder$/);
  });

  it('is not written over a folder', () => {
    const out = join(folder, 'taken');
    mkdirSync(out);
    const run = () => differentiateFile({ model: file, output: 'L', withRespectTo: ['x'], out });
    expect(run).toThrow(expect.objectContaining({ code: 'bad-input' }));
    expect(readdirSync(out)).toEqual([]);
    expect(existsSync(`${out}.${process.pid}.tmp`)).toBe(false);
  });
});
