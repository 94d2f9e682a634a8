import { randomUUID } from 'node:crypto';
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure, toFailure } from '../contract/failures.ts';
import { presetFileSchema, type Preset, type PresetFile } from '../contract/presets.ts';
import { statOrNull, writeFileAtomically } from '../library/files.ts';
import balanced from '../../resources/presets/balanced.json' with { type: 'json' };
import exploratory from '../../resources/presets/exploratory.json' with { type: 'json' };
import faithful from '../../resources/presets/faithful.json' with { type: 'json' };

/** Presets that come with the application, in the order of the dial. */
const builtIn: readonly Preset[] = Object.entries({ faithful, balanced, exploratory }).map(([id, file]) =>
  presetOf(presetFileSchema.parse(file), id, true),
);

const ownFile = /^(preset-[0-9a-f-]+)\.json$/;

/** What a preset is saved as: without id a new one, with an own preset's id that one again. */
export type PresetDraft = Omit<Preset, 'id' | 'builtIn'> & { readonly id: string | null };

/** Built-in presets, then the person's own by name. A file that cannot be read is put aside under another name. */
export async function listPresets(folder: string): Promise<Preset[]> {
  const own: Preset[] = [];
  for (const name of await readdir(folder)) {
    const id = ownFile.exec(name)?.[1];
    if (id === undefined) continue;
    const preset = await readOwn(join(folder, name), id);
    if (preset !== null) own.push(preset);
  }
  return [...builtIn, ...own.sort((a, b) => a.name.localeCompare(b.name))];
}

/** @throws Failure denied for a built-in preset, not-found for an id that is not there, bad-input for a name in use. */
export async function savePreset(folder: string, draft: PresetDraft): Promise<Preset> {
  const known = await listPresets(folder);
  const id = draft.id ?? `preset-${randomUUID()}`;
  if (draft.id !== null) ownOf(known, draft.id);
  if (known.some((preset) => preset.id !== id && sameName(preset.name, draft.name)))
    throw new Failure('bad-input', `expected a new name for the preset, '${draft.name}' is taken`, 'name');
  const { name, description, tunedFor, settings } = draft;
  const file: PresetFile = presetFileSchema.parse({ gamutPreset: 1, name, description, tunedFor, settings });
  await writeFileAtomically(join(folder, `${id}.json`), `${JSON.stringify(file, null, 2)}\n`);
  return presetOf(file, id, false);
}

/** @throws Failure denied for a built-in preset, not-found */
export async function removePreset(folder: string, id: string): Promise<void> {
  ownOf(await listPresets(folder), id);
  await rm(join(folder, `${id}.json`));
}

/** A preset as it travels in a file. @throws Failure not-found */
export async function exportPreset(folder: string, id: string): Promise<PresetFile> {
  const { name, description, tunedFor, settings } = presetById(await listPresets(folder), id);
  return { gamutPreset: 1, name, description, tunedFor, settings };
}

/** Takes a preset from a file; where its name is in use it gets a number. */
export async function importPreset(folder: string, file: PresetFile): Promise<Preset> {
  const known = await listPresets(folder);
  let name = file.name;
  for (let number = 2; known.some((preset) => sameName(preset.name, name)); number += 1)
    name = `${file.name.slice(0, 70)} (${number})`;
  const { description, tunedFor, settings } = file;
  return savePreset(folder, { id: null, name, description, tunedFor, settings });
}

async function readOwn(path: string, id: string): Promise<Preset | null> {
  try {
    return presetOf(presetFileSchema.parse(JSON.parse(await readFile(path, 'utf8'))), id, false);
  } catch (error) {
    const broken = error instanceof SyntaxError || toFailure(error).code === 'bad-input';
    if (!broken) throw toFailure(error);
    if ((await statOrNull(path)) !== null) await rename(path, `${path}.unreadable`);
    return null;
  }
}

function presetOf({ name, description, tunedFor, settings }: PresetFile, id: string, isBuiltIn: boolean): Preset {
  return { id, name, description, tunedFor, builtIn: isBuiltIn, settings };
}

function presetById(presets: readonly Preset[], id: string): Preset {
  const found = presets.find((preset) => preset.id === id);
  if (found === undefined) throw new Failure('not-found', `there is no preset '${id}'`, id);
  return found;
}

function ownOf(presets: readonly Preset[], id: string): Preset {
  const found = presetById(presets, id);
  if (found.builtIn) throw new Failure('denied', `'${found.name}' comes with Gamut: save it under another name`, id);
  return found;
}

function sameName(a: string, b: string): boolean {
  return a.normalize('NFC').toLowerCase() === b.normalize('NFC').toLowerCase();
}
