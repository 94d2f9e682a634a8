import { Tokenizer } from '@huggingface/tokenizers';
import { Failure } from '../contract/failures.ts';
import type { TokenizerFiles } from './tokenizer-files.ts';

/** A prompt as the text encoder takes it, and what it lost on the way. */
export interface PromptTokens {
  /** Rows of token ids, each as long as the encoder's window, each with its own start, end and padding. */
  readonly windows: readonly (readonly number[])[];
  /** Tokens the text makes, special ones not counted. */
  readonly tokenCount: number;
  /** Tokens beyond what the model takes. */
  readonly tokensDropped: number;
  /** Words the model never saw, in order, each once. Only word-level vocabularies have any. */
  readonly unknownWords: readonly string[];
}

/** What is used of the tokenizer library, whose own types do not resolve under Node's rules. */
interface Encoder {
  encode(
    text: string,
    options?: { add_special_tokens?: boolean },
  ): { readonly ids: number[]; readonly tokens: string[] };
  token_to_id(token: string): number | undefined;
  get_vocab(): Map<string, number>;
}

/** Reads prompts for one model. */
export interface PromptReader {
  (text: string): PromptTokens;
  /** Most tokens that are not dropped. */
  readonly tokenLimit: number;
  /** Known whole words, for suggestions; empty for vocabularies of word pieces. */
  readonly words: readonly string[];
}

/** More than this is refused, not cut: nobody writes such a brief, and its cost would surprise. */
export const mostTokens = 2000;
/** Windows that a long prompt may fill: 8 · 75 words' worth; attention cost grows with each. */
const mostWindows = 8;

/**
 * @param window length of a row of token ids
 * @param canChunk whether a long prompt may fill several windows, whose encodings are put one after the other; otherwise
 *   it is cut and what was dropped is recorded
 */
export function promptReader(files: TokenizerFiles, window: number, canChunk: boolean): PromptReader {
  const tokenizer: Encoder = new Tokenizer(files.tokenizer, files.config);
  const { prefix, suffix } = specialsOf(tokenizer);
  const padId = padIdOf(tokenizer, files);
  const unknownId = files.unknownToken === null ? undefined : tokenizer.token_to_id(files.unknownToken);
  const room = window - prefix.length - suffix.length;
  const tokenLimit = room * (canChunk ? mostWindows : 1);
  const wordLevel = files.algorithm === 'WordLevel';

  const read = (text: string): PromptTokens => {
    const { ids, tokens } = tokenizer.encode(text, { add_special_tokens: false });
    if (ids.length > mostTokens)
      throw new Failure('bad-input', `prompt: expected at most ${mostTokens} tokens, got ${ids.length}`, 'prompt');
    const kept = ids.slice(0, tokenLimit);
    const windows: number[][] = [];
    for (let from = 0; from === 0 || from < kept.length; from += room) {
      const row = [...prefix, ...kept.slice(from, from + room), ...suffix];
      windows.push([...row, ...new Array<number>(window - row.length).fill(padId)]);
    }
    const unknown = wordLevel ? tokens.filter((token, at) => ids[at] === unknownId && /[\p{L}\p{N}]/u.test(token)) : [];
    return {
      windows,
      tokenCount: ids.length,
      tokensDropped: ids.length - kept.length,
      unknownWords: [...new Set(unknown)],
    };
  };
  const words = wordLevel ? [...tokenizer.get_vocab().keys()].filter((word) => /^[\p{L}\p{N}]/u.test(word)) : [];
  return Object.assign(read, { tokenLimit, words });
}

/** The ids that the tokenizer itself puts before and after every text. */
function specialsOf(tokenizer: Encoder): { readonly prefix: number[]; readonly suffix: number[] } {
  const bare = tokenizer.encode('a', { add_special_tokens: false }).ids;
  const full = tokenizer.encode('a').ids;
  const start = full.findIndex((_, at) => bare.every((id, offset) => full[at + offset] === id));
  return { prefix: full.slice(0, start), suffix: full.slice(start + bare.length) };
}

function padIdOf(tokenizer: Encoder, files: TokenizerFiles): number {
  const id = files.padId ?? (files.padToken === null ? undefined : tokenizer.token_to_id(files.padToken));
  if (id === undefined)
    throw new Failure(
      'model-broken',
      `tokenizer: expected a padding token, found ${String(files.padToken)}`,
      'tokenizer',
    );
  return id;
}
