import { Failure, failureFromZod } from '../../main/contract/failures.ts';
import { presetFileSchema, type Preset } from '../../main/contract/presets.ts';
import type { Workspace } from './workspace.svelte.ts';

/** What a person does with the presets. */
export interface PresetDeeds {
  /** Keeps the present settings under a name; with an id, in place of that preset. */
  readonly onsave: (name: string, id: string | null) => void;
  readonly onrename: (preset: Preset, name: string) => void;
  readonly onremove: (preset: Preset) => void;
  /** Writes a preset to a file that the person keeps. */
  readonly onwrite: (preset: Preset) => void;
  /** Takes up what such a file holds. */
  readonly onread: (text: string) => void;
}

/** Each of them, with the list and the choice afterwards; what goes wrong is told. */
export function presetDeeds({ studio, brief, preferences, notices }: Workspace): PresetDeeds {
  async function run(work: () => Promise<Preset | undefined>): Promise<void> {
    await notices.attempt(async () => {
      const preset = await work();
      await brief.loadPresets();
      if (preset !== undefined) preferences.change({ preset: preset.id });
    });
  }

  async function write(preset: Preset): Promise<void> {
    await notices.attempt(async () => {
      const written = await studio.presets.write({ preset: preset.id });
      download(`${preset.name}.gamut-preset.json`, JSON.stringify(written, null, 2));
    });
  }

  return {
    onsave: (name, id) =>
      void run(() => {
        const tunedFor = brief.model?.name ?? '';
        return studio.presets.save({ id, name, description: '', tunedFor, settings: brief.presetSettings() });
      }),
    onrename: ({ id, description, tunedFor, settings }, name) =>
      void run(() => studio.presets.save({ id, name, description, tunedFor, settings })),
    onremove: ({ id }) =>
      void run(async () => {
        await studio.presets.remove({ preset: id });
        return undefined;
      }),
    onwrite: (preset) => void write(preset),
    onread: (text) =>
      void run(async () => {
        const parsed = presetFileSchema.safeParse(parsedJson(text));
        if (!parsed.success) throw failureFromZod(parsed.error, 'preset');
        return studio.presets.read(parsed.data);
      }),
  };
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Failure('bad-input', 'preset: expected a file of JSON, got something else', 'preset', { cause: error });
  }
}

function download(fileName: string, json: string): void {
  const address = URL.createObjectURL(new Blob([json], { type: 'application/json' }));
  const link = document.createElement('a');
  link.href = address;
  link.download = fileName;
  link.click();
  URL.revokeObjectURL(address);
}
