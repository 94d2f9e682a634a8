import { failureFromZod } from '../../main/contract/failures.ts';
import type { StudioClient } from '../../main/contract/calls/index.ts';
import type { PartialSettings } from '../../main/contract/library.ts';
import type { DialPath, ModelCard, PromptReading } from '../../main/contract/models.ts';
import { presetExcluded, type Preset } from '../../main/contract/presets.ts';
import { generationSettingsSchema, type GenerationSettings } from '../../main/contract/settings.ts';
import { countMeasured, expectedAt, pathFor } from './dial.ts';
import type { Notices } from './notices.svelte.ts';
import type { PreferenceState } from './preferences.svelte.ts';
import { movedOn } from './recommended.ts';
import { Refresher } from './refresher.ts';

/** Knobs that the dial holds; moving one of them by hand takes the dial off its path. */
export const dialledKnobs = ['guidanceScale', 'guidanceInterval', 'densityWeight', 'densityThreshold'] as const;

const settleTime = 250;
/** Seeds a person can read out and type in. */
const largestSeed = 2 ** 32;
const drawSeed = (): number => Math.floor(Math.random() * largestSeed);

/** What is about to be asked for, and what is known about it beforehand. */
export class Brief {
  #settings = $state.raw<GenerationSettings>(
    generationSettingsSchema.parse({ model: 'none', prompt: '', seed: drawSeed(), dial: 0 }),
  );
  #models = $state.raw<readonly ModelCard[]>([]);
  #presets = $state.raw<readonly Preset[]>([]);
  #path = $state.raw<DialPath | null>(null);
  #reading = $state.raw<PromptReading | null>(null);
  #seconds = $state<number | null>(null);
  #isReady = $state(false);
  /** Whether a knob was moved by hand, so that the dial must not take it back. */
  #isOffPath = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #looker = new Refresher(() => this.look(), settleTime);
  readonly #studio: StudioClient;
  readonly #preferences: PreferenceState;
  readonly #notices: Notices;

  constructor(studio: StudioClient, preferences: PreferenceState, notices: Notices) {
    this.#studio = studio;
    this.#preferences = preferences;
    this.#notices = notices;
  }

  get settings(): GenerationSettings {
    return this.#settings;
  }

  get models(): readonly ModelCard[] {
    return this.#models;
  }

  get model(): ModelCard | undefined {
    return this.#models.find(({ id }) => id === this.#settings.model);
  }

  get presets(): readonly Preset[] {
    return this.#presets;
  }

  get preset(): Preset | undefined {
    return this.#presets.find(({ id }) => id === this.#preferences.value.preset);
  }

  /** Whether the settings still are what the preset says. */
  get isPresetChanged(): boolean {
    const own = Object.entries(this.preset?.settings ?? {});
    return own.some(
      ([name, value]) =>
        (name !== 'dial' || this.#path !== null) &&
        JSON.stringify(this.#settings[name as keyof GenerationSettings]) !== JSON.stringify(value),
    );
  }

  get path(): DialPath | null {
    return this.#path;
  }

  /** How the model reads the prompt; null until it has. */
  get reading(): PromptReading | null {
    return this.#reading;
  }

  /** Seconds the batch will take, as far as can be told. */
  get seconds(): number | null {
    return this.#seconds;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  get canStart(): boolean {
    return (
      this.#isReady && this.#settings.prompt.trim() !== '' && this.model !== undefined && this.model.problem === null
    );
  }

  /** The path for as many images as are asked for; null without one. */
  get pathForCount() {
    return pathFor(this.#path, this.#settings.count);
  }

  /** How many images that path is measured at; null where its calibration does not say. */
  get pathCount() {
    return countMeasured(this.#path, this.#settings.count);
  }

  /** What the dial's place promises for as many images as are asked for; null off the path or without one. */
  get expected() {
    return this.#settings.dial === null ? null : expectedAt(this.pathForCount, this.#settings.dial);
  }

  /** A knob's value as it will be used: the path's where the dial holds it. */
  get effective(): Pick<GenerationSettings, (typeof dialledKnobs)[number]> {
    const { guidanceScale, guidanceInterval, densityWeight, densityThreshold } = this.expected ?? this.#settings;
    return { guidanceScale, guidanceInterval, densityWeight, densityThreshold };
  }

  /** @param preferences when they are there: the last brief is kept among them */
  async load(preferences: Promise<void>): Promise<void> {
    await Promise.all([preferences, this.loadModels(), this.loadPresets()]);
    const { draft, preset } = this.#preferences.value;
    this.#isOffPath = draft?.dial === null;
    const known = this.#models.filter(({ problem }) => problem === null);
    const model = known.find(({ id }) => id === draft?.model) ?? known[0] ?? this.#models[0];
    const isKept = draft !== null && draft.model === model?.id;
    this.#take(draft ?? {});
    if (!isKept) this.#take({ ...(model && movedOn(this.#settings, undefined, model)), model: model?.id ?? 'none' });
    if (draft === null || preset === null) {
      const first = this.#presets.find(({ id }) => id === 'balanced') ?? this.#presets[0];
      if (first !== undefined) this.applyPreset(first);
    }
    await this.#loadPath();
    this.#isReady = true;
    void this.look();
  }

  async loadModels(): Promise<void> {
    this.#models = await this.#studio.models.list({});
  }

  async loadPresets(): Promise<void> {
    this.#presets = await this.#studio.presets.list({});
  }

  /** Changes settings by hand. */
  change(edit: PartialSettings): void {
    const isOffPath = this.#settings.dial !== null && !('dial' in edit) && dialledKnobs.some((name) => name in edit);
    if (isOffPath) this.#isOffPath = true;
    if (edit.dial != null) this.#isOffPath = false;
    const base = isOffPath ? { ...this.effective, dial: null } : {};
    const modelChanges = edit.model !== undefined && edit.model !== this.#settings.model;
    const next = modelChanges ? this.#models.find(({ id }) => id === edit.model) : undefined;
    this.#take({ ...(next && movedOn(this.#settings, this.model, next)), ...base, ...edit });
    if (modelChanges) void this.#loadPath();
    this.#keep();
  }

  /** Replaces a word of the prompt, wherever it stands, with one the model knows. */
  replaceWord(word: string, replacement: string): void {
    const escaped = word.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
    const prompt = this.#settings.prompt.replaceAll(
      new RegExp(String.raw`(?<![\p{L}\p{N}])${escaped}(?![\p{L}\p{N}])`, 'giu'),
      replacement,
    );
    this.change({ prompt });
  }

  applyPreset(preset: Preset): void {
    this.#preferences.change({ preset: preset.id });
    this.#take(this.#path === null && this.#isReady ? { ...preset.settings, dial: null } : preset.settings);
    this.#keep();
  }

  drawSeed(): void {
    this.change({ seed: drawSeed() });
  }

  /** What goes into the queue now. The seed moves on afterwards unless it is locked. */
  issue(): GenerationSettings {
    const { settings } = this;
    if (!this.#preferences.value.seedLocked) this.drawSeed();
    this.keepNow();
    return settings;
  }

  /** A preset holds neither brief nor chance, nor the model, so that it can be used with any. */
  presetSettings(): PartialSettings {
    const left: ReadonlySet<string> = new Set([...presetExcluded, 'model']);
    return Object.fromEntries(Object.entries(this.#settings).filter(([name]) => !left.has(name)));
  }

  #take(edit: PartialSettings): void {
    const parsed = generationSettingsSchema.safeParse({ ...this.#settings, ...edit });
    if (parsed.success) this.#settings = parsed.data;
    else this.#notices.complain(failureFromZod(parsed.error, 'brief'));
  }

  /** Keeps the brief with the studio, and looks ahead, once typing rests. */
  #keep(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.keepNow();
    }, settleTime);
  }

  /** Keeps at once what waits to be kept: before the window goes, and when a batch of it begins. */
  keepNow(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#preferences.change({ draft: this.#settings });
    void this.look();
  }

  /** Asks anew, soon; several calls in a row ask once. */
  lookSoon(): void {
    this.#looker.ask();
  }

  /** Asks anew how the model reads the prompt and how long the batch will take. */
  async look(): Promise<void> {
    const { settings } = this;
    if (this.model === undefined) return;
    await this.#notices.attempt(async () => {
      await Promise.all([
        this.#studio.models.read({ model: settings.model, prompt: settings.prompt }).then((reading) => {
          if (this.#settings.prompt === settings.prompt) this.#reading = reading;
        }),
        this.#studio.jobs.estimate(settings).then(({ seconds }) => {
          if (this.#settings === settings) this.#seconds = seconds;
        }),
      ]);
    });
  }

  async #loadPath(): Promise<void> {
    const { model } = this.#settings;
    if (this.model === undefined) return;
    await this.#notices.attempt(async () => {
      const path = await this.#studio.models.dialPath({ model });
      if (this.#settings.model !== model) return;
      // Without a calibration there is nothing for the dial to stand for; with one it begins in the middle.
      if (path === null) this.#take({ dial: null });
      else if (this.#path === null && this.#settings.dial === null && !this.#isOffPath) this.#take({ dial: 0 });
      this.#path = path;
    });
  }
}
