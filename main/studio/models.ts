import { existsSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { Failure, toFailure } from '../contract/failures.ts';
import type { ModelCard, PromptReading } from '../contract/models.ts';
import type { ModelFolders, ModelPackage } from '../model-packages/package.ts';
import { findPackages, openPackage } from '../model-packages/resolve.ts';
import type { FoundPackage } from '../model-packages/resolve.ts';

/** The model that is taken when none is named: the built-in one, else the first of the person's own. */
export function defaultModel(folders: ModelFolders): string {
  const [first] = findPackages(folders);
  if (first === undefined)
    throw new Failure('not-found', 'model: expected --model ID or folder; no model is installed', 'model');
  return first.id;
}

/** Every model there is, also those that cannot be used, with the reason. */
export function listModels(folders: ModelFolders): ModelCard[] {
  return findPackages(folders).map((found) => cardOf(found, folders));
}

function cardOf(found: FoundPackage, folders: ModelFolders): ModelCard {
  try {
    return cardOfPackage(openPackage(found.id, folders), found.id);
  } catch (error) {
    return {
      id: found.id,
      name: found.id,
      description: '',
      licence: '',
      builtIn: found.builtIn,
      bytes: 0,
      width: 1,
      height: 1,
      sizeStep: 1,
      sampler: null,
      stepCount: null,
      guidanceScale: null,
      hasFeatures: false,
      hasCalibration: false,
      fit: 'unknown',
      problem: toFailure(error).message,
      examples: [],
    };
  }
}

/** What a loaded package shows of itself. `id` is the name it is found under. */
export function cardOfPackage(modelPackage: ModelPackage, id: string = modelPackage.id): ModelCard {
  const { card, folder, size, builtIn, bytes, model } = modelPackage;
  return {
    id,
    name: card.name ?? id,
    description: card.description ?? '',
    licence: card.licence ?? '',
    builtIn,
    bytes,
    width: size.width,
    height: size.height,
    sizeStep: size.step,
    sampler: model.recommended?.sampler ?? String(model.scheduler['_class_name'] ?? ''),
    stepCount: card.sampling?.steps ?? null,
    guidanceScale: card.sampling?.guidanceScale ?? null,
    hasFeatures: existsSync(join(folder, 'feature_encoder', 'image.onnx')),
    hasCalibration: card['calibration'] !== undefined || existsSync(join(folder, 'calibration.json')),
    fit: fitOf(bytes),
    problem: null,
    examples: card.examples ?? [],
  };
}

/** Judged by the files: a run needs about twice their bytes, and others want memory too. */
function fitOf(bytes: number): ModelCard['fit'] {
  const share = (2 * bytes) / totalmem();
  if (share < 0.5) return 'fits';
  return share < 0.9 ? 'tight' : 'will-not-fit';
}

/** How a model reads a prompt: what the prompt box underlines, and with what it helps. */
export function readPrompt(model: string, prompt: string, folders: ModelFolders): PromptReading {
  const { readPrompt: read } = openPackage(model, folders);
  const { unknownWords, tokenCount } = read(prompt);
  return {
    unknownWords: unknownWords.map((word) => ({ word, suggestions: nearWords(word, read.words) })),
    tokenCount,
    tokenLimit: read.tokenLimit,
  };
}

/** At most five known words that are a few letters away, nearest first. */
function nearWords(word: string, known: readonly string[]): string[] {
  const most = word.length < 5 ? 1 : 2;
  return known
    .map((candidate) => ({ candidate, distance: editDistance(word, candidate) }))
    .filter(({ distance }) => distance <= most)
    .sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, 5)
    .map(({ candidate }) => candidate);
}

/** Levenshtein distance: letters to insert, remove or replace. */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
