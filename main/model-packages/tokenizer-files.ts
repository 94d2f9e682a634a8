import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { Failure } from '../contract/failures.ts';
import { readJson, readOptionalJson } from './read-json.ts';

const tokenText = z.union([z.string(), z.looseObject({ content: z.string() }).transform(({ content }) => content)]);

const configSchema = z.looseObject({
  model_max_length: z.number().optional(),
  pad_token: tokenText.nullish(),
  unk_token: tokenText.nullish(),
  bos_token: tokenText.nullish(),
  eos_token: tokenText.nullish(),
});

const tokenizerSchema = z.looseObject({
  model: z.looseObject({ type: z.string().nullish(), unk_token: z.string().nullish() }),
  truncation: z.looseObject({ max_length: z.int().positive() }).nullish(),
  padding: z.looseObject({ pad_id: z.int().min(0) }).nullish(),
});

/** The files of a tokenizer folder, brought into the one form that the tokenizer library takes. */
export interface TokenizerFiles {
  /** Content of a `tokenizer.json`. */
  readonly tokenizer: object;
  /** Content of a `tokenizer_config.json`. */
  readonly config: object;
  /** 'WordLevel', 'BPE', … */
  readonly algorithm: string;
  readonly unknownToken: string | null;
  readonly padToken: string | null;
  readonly padId: number | null;
  /** Longest row of token ids, special ones included; null: not said. */
  readonly maxLength: number | null;
}

/** Reads `tokenizer.json`, or the older pair `vocab.json` and `merges.txt` of CLIP. */
export function readTokenizerFiles(folder: string): TokenizerFiles {
  const special = readOptionalJson(folder, 'special_tokens_map.json', configSchema) ?? {};
  const config = { ...special, ...(readOptionalJson(folder, 'tokenizer_config.json', configSchema) ?? {}) };
  const parsed = readOptionalJson(folder, 'tokenizer.json', tokenizerSchema) ?? clipTokenizer(folder, config);
  const unknownToken = config.unk_token ?? parsed.model.unk_token ?? null;
  // Exporters write 10^30 for "no limit".
  const limits = [config.model_max_length, parsed.truncation?.max_length].filter(
    (limit): limit is number => limit !== undefined && limit < 100_000,
  );
  return {
    tokenizer: parsed,
    config: { ...config, unk_token: unknownToken },
    algorithm: parsed.model.type ?? 'BPE',
    unknownToken,
    padToken: config.pad_token ?? config.eos_token ?? null,
    padId: config.pad_token == null ? (parsed.padding?.pad_id ?? null) : null,
    maxLength: limits.length === 0 ? null : Math.min(...limits),
  };
}

/** What CLIP splits text into before merging: contractions, runs of letters, single digits, runs of anything else. */
const clipPattern = "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";

/** The `tokenizer.json` that CLIP's vocabulary and merges stand for (Radford et al. 2021; lower-cased byte-level BPE). */
function clipTokenizer(folder: string, config: z.infer<typeof configSchema>): z.infer<typeof tokenizerSchema> {
  const mergesFile = join(folder, 'merges.txt');
  if (!existsSync(join(folder, 'vocab.json')) || !existsSync(mergesFile))
    throw new Failure(
      'model-broken',
      `model package: expected tokenizer.json, or vocab.json and merges.txt, in ${folder}, found neither`,
      'tokenizer',
    );
  const vocabulary = readJson(folder, 'vocab.json', z.record(z.string(), z.int().min(0)));
  const merges = readFileSync(mergesFile, 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#version'))
    .map((line) => line.split(' '));
  const start = config.bos_token ?? '<|startoftext|>';
  const end = config.eos_token ?? '<|endoftext|>';
  const idOf = (token: string): number => {
    const id = vocabulary[token];
    if (id === undefined)
      throw new Failure('model-broken', `${folder}: vocab.json lacks the token "${token}"`, 'tokenizer');
    return id;
  };
  const added = [start, end].map((content) => ({
    id: idOf(content),
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }));
  return {
    version: '1.0',
    added_tokens: added,
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'NFC' },
        { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' },
        { type: 'Lowercase' },
      ],
    },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: clipPattern }, behavior: 'Removed', invert: true },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    post_processor: { type: 'RobertaProcessing', sep: [end, idOf(end)], cls: [start, idOf(start)] },
    decoder: null,
    model: {
      type: 'BPE',
      unk_token: config.unk_token ?? end,
      continuing_subword_prefix: '',
      end_of_word_suffix: '</w>',
      fuse_unk: false,
      vocab: vocabulary,
      merges,
    },
  };
}
