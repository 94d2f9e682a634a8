import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { Failure } from '../contract/failures.ts';
import type { Normalisation } from '../engine/features/pixel-values.ts';
import { promptReader, type PromptReader } from './prompt.ts';
import { readOptionalJson } from './read-json.ts';
import { readTokenizerFiles } from './tokenizer-files.ts';

/** How pictures become `pixel_values` (the fields of a transformers `preprocessor_config.json`). */
export interface Preprocessing extends Normalisation {
  /** Both sides, or the shorter one with the aspect kept; null: pictures stay as large as they are. */
  readonly resize: { readonly width: number; readonly height: number } | { readonly shortestEdge: number } | null;
  readonly resample: 'nearest' | 'bilinear' | 'bicubic' | 'lanczos';
  readonly centreCrop: { readonly width: number; readonly height: number } | null;
}

/** Classifier heads of an encoder: P(value | picture) is the softmax of the output. */
export interface AttributeHead {
  readonly name: string;
  readonly output: string;
  readonly values: readonly string[];
  /** How else briefs name a value ("charcoal" for "dark"), where the package says. */
  readonly phrases?: Readonly<Record<string, readonly string[]>>;
}

/** An image encoder on disk, with its text encoder where it is one of a pair. */
export interface FeatureEncoder {
  /** What people read: whose features these are. */
  readonly label: string;
  /** Changes whenever the features may: files' contents and preprocessing. */
  readonly fingerprint: string;
  readonly imageModel: string;
  readonly preprocessing: Preprocessing;
  /** Output whose vectors are compared; null: the model's first output, its first token where it has several. */
  readonly featureOutput: string | null;
  /** Output that is compared with text; null where there is no text encoder. */
  readonly embeddingOutput: string | null;
  readonly text: { readonly model: string; readonly output: string; readonly read: PromptReader } | null;
  readonly attributes: readonly AttributeHead[];
}

const cardSchema = z.looseObject({
  featureEncoder: z.looseObject({
    image: z.string(),
    text: z.string(),
    embeds: z.looseObject({ imageOutput: z.string(), textOutput: z.string() }),
    features: z.looseObject({ output: z.string() }),
    attributes: z.record(
      z.string(),
      z
        .looseObject({
          output: z.string(),
          values: z.array(z.string()).nonempty(),
          phrases: z.record(z.string(), z.array(z.string().regex(/\S/))).optional(),
        })
        .refine(({ values, phrases = {} }) => Object.keys(phrases).every((value) => values.includes(value)), {
          message: 'expected phrases of values only',
          path: ['phrases'],
        }),
    ),
  }),
});

const side = z.int().positive();
const triple = z.tuple([z.number(), z.number(), z.number()]);
const sizeSchema = z.union([
  side.transform((shortestEdge) => ({ shortestEdge })),
  z.looseObject({ shortest_edge: side }).transform(({ shortest_edge }) => ({ shortestEdge: shortest_edge })),
  z.looseObject({ width: side, height: side }).transform(({ width, height }) => ({ width, height })),
]);
const cropSchema = z.union([
  side.transform((length) => ({ width: length, height: length })),
  z.looseObject({ width: side, height: side }).transform(({ width, height }) => ({ width, height })),
]);

/** Pillow's numbers for its filters. */
const filters = { 0: 'nearest', 1: 'lanczos', 2: 'bilinear', 3: 'bicubic' } as const;
const preprocessorSchema = z.looseObject({
  do_resize: z.boolean().default(true),
  size: sizeSchema.optional(),
  resample: z.literal([0, 1, 2, 3]).default(3),
  do_center_crop: z.boolean().default(false),
  crop_size: cropSchema.optional(),
  do_rescale: z.boolean().default(true),
  rescale_factor: z.number().default(1 / 255),
  do_normalize: z.boolean().default(true),
  image_mean: triple.optional(),
  image_std: triple.optional(),
});

/** Where exporters put an image encoder within its folder. */
const imageModelNames = ['model.onnx', 'image.onnx', 'vision_model.onnx', 'onnx/model.onnx', 'onnx/vision_model.onnx'];

/**
 * The feature encoder of a folder: the pair that a Gamut model brings along, or any image encoder in the transformers
 * layout (an .onnx file and `preprocessor_config.json`; CLIP, DINO and the like).
 *
 * @throws Failure `not-found` or `model-broken`, saying which file was expected where
 */
export function loadFeatureEncoder(folder: string): FeatureEncoder {
  const card = readOptionalJson(folder, 'gamut.json', z.looseObject({}));
  return card !== null && 'featureEncoder' in card && card['featureEncoder'] !== null
    ? ownEncoder(folder)
    : foreignEncoder(folder);
}

function ownEncoder(folder: string): FeatureEncoder {
  const card = readOptionalJson(folder, 'gamut.json', cardSchema);
  if (card === null) throw new Failure('not-found', `${folder}: expected gamut.json, found none`);
  const { image, text, embeds, features, attributes } = card.featureEncoder;
  const imageModel = existing(folder, image);
  const tokenizer = readTokenizerFiles(join(folder, 'tokenizer'));
  const config = preprocessingOf(join(folder, 'feature_encoder'));
  return {
    label: `features of ${String(card['id'] ?? basename(folder))}`,
    fingerprint: fingerprintOf([imageModel], config),
    imageModel,
    preprocessing: config,
    featureOutput: features.output,
    embeddingOutput: embeds.imageOutput,
    text: {
      model: existing(folder, text),
      output: embeds.textOutput,
      read: promptReader(tokenizer, tokenizer.maxLength ?? 77, false),
    },
    attributes: Object.entries(attributes).map(([name, { output, values, phrases }]) => ({
      name,
      output,
      values,
      ...(phrases === undefined ? {} : { phrases }),
    })),
  };
}

function foreignEncoder(folder: string): FeatureEncoder {
  const name = imageModelNames.find((candidate) => existsSync(join(folder, candidate)));
  if (name === undefined)
    throw new Failure(
      'not-found',
      `${folder}: expected an image encoder, one of ${imageModelNames.join(', ')}`,
      folder,
    );
  const imageModel = join(folder, name);
  const preprocessing = preprocessingOf(folder);
  return {
    label: `features of ${basename(folder)}`,
    fingerprint: fingerprintOf([imageModel], preprocessing),
    imageModel,
    preprocessing,
    featureOutput: null,
    embeddingOutput: null,
    text: null,
    attributes: [],
  };
}

function existing(folder: string, file: string): string {
  const path = join(folder, file);
  if (!existsSync(path))
    throw new Failure('model-broken', `${folder}: gamut.json names ${file}, which is missing`, path);
  return path;
}

function preprocessingOf(folder: string): Preprocessing {
  const config = readOptionalJson(folder, 'preprocessor_config.json', preprocessorSchema);
  if (config === null)
    throw new Failure('model-broken', `${folder}: expected preprocessor_config.json, found none`, folder);
  const missing = (what: string): Failure =>
    new Failure('model-broken', `${folder}/preprocessor_config.json: expected ${what}, found none`, folder);
  if (config.do_resize && config.size === undefined) throw missing('size');
  if (config.do_center_crop && config.crop_size === undefined) throw missing('crop_size');
  if (config.do_normalize && (config.image_mean === undefined || config.image_std === undefined))
    throw missing('image_mean and image_std');
  return {
    resize: config.do_resize ? (config.size ?? null) : null,
    resample: filters[config.resample],
    centreCrop: config.do_center_crop ? (config.crop_size ?? null) : null,
    rescaleFactor: config.do_rescale ? config.rescale_factor : 1,
    mean: (config.do_normalize ? config.image_mean : undefined) ?? [0, 0, 0],
    deviation: (config.do_normalize ? config.image_std : undefined) ?? [1, 1, 1],
  };
}

function fingerprintOf(files: readonly string[], preprocessing: Preprocessing): string {
  const hash = createHash('sha256').update(JSON.stringify(preprocessing));
  for (const file of files) hash.update(readFileSync(file));
  return hash.digest('hex').slice(0, 32);
}
