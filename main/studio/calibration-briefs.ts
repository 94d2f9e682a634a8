import { readFile } from 'node:fs/promises';
import { Failure, toFailure } from '../contract/failures.ts';
import type { FeatureEncoder } from '../model-packages/feature-encoder.ts';
import type { ReferenceSet } from './reference-set.ts';

/** Fewest references a chosen brief must have. */
const fewestReferences = 60;

/**
 * Briefs from a file, or short ones of two stated values with the most references, no value more than twice.
 *
 * @param file a brief a line; null: chosen from the reference set, or the package's examples where it has none
 * @throws bad-input when there are fewer than two
 */
export async function calibrationBriefs(
  file: string | null,
  count: number,
  set: ReferenceSet | null,
  encoder: FeatureEncoder,
  examples: readonly string[],
): Promise<[string, ...string[]]> {
  const lines = file === null ? null : (await textOf(file)).split('\n').map((line) => line.trim());
  const found = lines?.filter((line) => line !== '') ?? (set === null ? examples : commonBriefs(set, encoder, count));
  const [first, ...rest] = found.slice(0, count);
  if (first === undefined || rest.length === 0)
    throw new Failure(
      'bad-input',
      `briefs: expected at least 2 to average over, got ${found.length}; name some with --briefs FILE`,
      'briefs',
    );
  return [first, ...rest];
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new Failure('bad-input', `briefs: expected a text file, got ${file}: ${toFailure(error).message}`, 'briefs');
  }
}

/**
 * Short briefs that many references satisfy: pairs of the first two heads' values ("red mug"), commonest first and no value
 * more than twice, then single values of the first head.
 */
export function commonBriefs(set: ReferenceSet, encoder: FeatureEncoder, count: number): string[] {
  const [noun, adjective] = encoder.attributes;
  const { attributes } = set;
  if (attributes === null || noun === undefined) return [];
  const codeOf = (row: number, column: number): number => attributes.values[row * attributes.width + column] ?? -1;
  const rows = Array.from({ length: attributes.count }, (_, row) => row);
  const pairs = tally(rows.map((row) => [adjective?.values[codeOf(row, 1)], noun.values[codeOf(row, 0)]]));
  const nouns = tally(rows.map((row) => [noun.values[codeOf(row, 0)]]));
  const uses = new Map<string, number>();
  const briefs: string[] = [];
  for (const words of [...pairs, ...nouns]) {
    if (briefs.length === count) break;
    if (words.length > 1 && words.some((word) => (uses.get(word) ?? 0) >= 2)) continue;
    for (const word of words) uses.set(word, (uses.get(word) ?? 0) + 1);
    briefs.push(words.join(' '));
  }
  return briefs;
}

/** Word groups that enough references have, commonest first. */
function tally(groups: readonly (readonly (string | undefined)[])[]): string[][] {
  const counts = new Map<string, { readonly words: string[]; count: number }>();
  for (const group of groups) {
    const words = group.filter((word) => word !== undefined);
    if (words.length < group.length) continue;
    const entry = counts.get(words.join(' ')) ?? { words, count: 0 };
    entry.count += 1;
    counts.set(words.join(' '), entry);
  }
  return [...counts.values()]
    .filter((entry) => entry.count >= fewestReferences)
    .sort((a, b) => b.count - a.count)
    .map(({ words }) => words);
}
