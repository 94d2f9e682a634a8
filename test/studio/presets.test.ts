import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { presetFileSchema } from '../../main/contract/presets.ts';
import { exportPreset, importPreset, listPresets, removePreset, savePreset } from '../../main/studio/presets.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gamut-presets-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const draft = { id: null, name: 'House style', description: '', tunedFor: '', settings: { stepCount: 12, eta: 0.5 } };

it('come with three in the order of the dial', async () => {
  const presets = await listPresets(folder);
  expect(presets.map(({ id }) => id)).toEqual(['faithful', 'balanced', 'exploratory']);
  const dials = presets.map(({ settings }) => settings.dial ?? Number.NaN);
  expect(dials).toEqual([...dials].sort((a, b) => a - b));
  expect(presets.every(({ builtIn }) => builtIn)).toBe(true);
});

it('are saved, renamed, listed and removed', async () => {
  const saved = await savePreset(folder, draft);
  expect(saved).toMatchObject({ name: 'House style', builtIn: false, settings: { stepCount: 12, eta: 0.5 } });
  const renamed = await savePreset(folder, { ...draft, id: saved.id, name: 'Our style' });
  expect((await listPresets(folder)).slice(3)).toEqual([renamed]);
  await removePreset(folder, saved.id);
  expect(await listPresets(folder)).toHaveLength(3);
});

it('travel in a file and back, under a free name', async () => {
  const { id } = await savePreset(folder, draft);
  const file = presetFileSchema.parse(JSON.parse(JSON.stringify(await exportPreset(folder, id))));
  expect(await importPreset(folder, file)).toMatchObject({ name: 'House style (2)', settings: draft.settings });
  expect((await exportPreset(folder, 'faithful')).gamutPreset).toBe(1);
});

it('refuse what is not theirs to do', async () => {
  await savePreset(folder, draft);
  await expect(savePreset(folder, { ...draft, name: 'HOUSE style' })).rejects.toMatchObject({ code: 'bad-input' });
  await expect(savePreset(folder, { ...draft, id: 'faithful' })).rejects.toMatchObject({ code: 'denied' });
  await expect(removePreset(folder, 'balanced')).rejects.toMatchObject({ code: 'denied' });
  await expect(removePreset(folder, '../../etc')).rejects.toMatchObject({ code: 'not-found' });
  expect(presetFileSchema.safeParse({ gamutPreset: 1, ...draft, settings: { prompt: 'x' } }).success).toBe(false);
});

it('put a file that cannot be read aside and keep the others', async () => {
  await savePreset(folder, draft);
  writeFileSync(join(folder, 'preset-0a.json'), '{ half');
  writeFileSync(join(folder, 'preset-0b.json'), '{"gamutPreset": 7}');
  expect(await listPresets(folder)).toHaveLength(4);
  expect(readdirSync(folder).filter((name) => name.endsWith('.unreadable'))).toHaveLength(2);
});
