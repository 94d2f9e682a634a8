import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { gamut } from '../doubles/command-line.ts';
import { packageFolder, temporaryFolder } from '../doubles/packages.ts';

vi.setConfig({ testTimeout: 240_000 });

it('lists and inspects models, as text and as JSON, and refuses what is not one', async () => {
  using home = temporaryFolder();
  cpSync(packageFolder('optimum'), join(home.path, 'models', 'mine'), { recursive: true });
  const card = { sampling: { sampler: 'euler-ancestral', eta: 0.7 } };
  writeFileSync(join(home.path, 'models', 'mine', 'gamut.json'), JSON.stringify(card));
  const options = { env: { GAMUT_HOME: home.path } };
  const [list, text, json, refused] = await Promise.all([
    gamut(['models', 'list', '--json'], options),
    gamut(['models', 'inspect', 'mine'], options),
    gamut(['models', 'inspect', 'mine', '--json'], options),
    gamut(['models', 'inspect', home.path], options),
  ]);
  expect(list.exitCode).toBe(0);
  const cards = JSON.parse(list.output) as { id: string }[];
  expect(cards.find(({ id }) => id === 'mine')).toMatchObject({ builtIn: false, width: 64, problem: null });
  expect(text.output).toContain('  in   timestep: int64 []\n');
  expect(text.output).toContain('sampler    euler-ancestral, eta 0.7, recommended\n');
  expect(JSON.parse(json.output)).toMatchObject({
    id: 'mine',
    hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    precision: 'float32',
    tokenLimit: 600,
    parts: [{ file: 'text_encoder/model.onnx' }, { file: 'unet/model.onnx' }, {}, {}],
  });
  expect(refused).toEqual({
    exitCode: 2,
    output: '',
    complaints: [`gamut: model package ${home.path}: expected model_index.json, found none`],
  });
});

it('doctor tells versions, disk, models and each provider with its reason', async () => {
  using home = temporaryFolder();
  cpSync(packageFolder('flow'), join(home.path, 'models', 'flow'), { recursive: true });
  const { exitCode, output } = await gamut(['doctor', '--json'], {
    env: { GAMUT_HOME: home.path, GAMUT_PROVIDER: '' },
  });
  expect(exitCode).toBe(0);
  const told = JSON.parse(output) as { providers: { provider: string; works: boolean; reason: string | null }[] };
  expect(told).toMatchObject({
    versions: { gamut: expect.any(String), node: process.versions.node, onnxruntime: expect.stringMatching(/^\d/) },
    data: { folder: home.path },
    problems: [],
  });
  expect(told.providers.find(({ provider }) => provider === 'cpu')).toMatchObject({ works: true, reason: null });
  for (const { works, reason } of told.providers) expect(works).toBe(reason === null);
});

it.each([
  ['a command', ['generat'], "error: unknown command 'generat' (Did you mean generate?)"],
  ['a command below another', ['models', 'lst'], "error: unknown command 'lst' (Did you mean list?)"],
  ['an option', ['models', 'list', '--jsn'], "error: unknown option '--jsn' (Did you mean --json?)"],
])('answers a mistyped name of %s in one line', async (_what, args, complaint) => {
  expect(await gamut(args)).toEqual({ exitCode: 2, output: '', complaints: [complaint] });
});
