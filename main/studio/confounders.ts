import type { AttributeHead } from '../model-packages/feature-encoder.ts';
import { readingsIn } from './stated.ts';

export interface Confounders {
  readonly captions: readonly string[];
  /** How many of them, the first ones, are the caption with one value exchanged. */
  readonly exchanged: number;
}

/**
 * Captions that could be confused with a picture's own: the caption with one attribute's value exchanged (Cross & Ragni
 * 2024, section 5.2: "red sphere" becomes "blue sphere"), filled up with captions of other pictures.
 *
 * @param attribute whose value is exchanged, by name among the heads that captions are read by; null, or not stated by the
 *   caption: other captions only
 * @param random uniform in [0, 1)
 */
export function confoundersOf(
  caption: string,
  others: readonly string[],
  attribute: { readonly name: string; readonly heads: readonly AttributeHead[] } | null,
  count: number,
  random: () => number,
): Confounders {
  const exchanged = attribute === null ? [] : shuffled(exchanges(caption, attribute.name, attribute.heads), random);
  const rest = shuffled([...new Set(others)], random);
  const distinct = new Set([...exchanged, ...rest].filter((each) => each !== caption));
  const captions = [...distinct].slice(0, count);
  return { captions, exchanged: Math.min(captions.length, exchanged.length) };
}

/** All heads read the caption together: by one alone, "blue" in "sky blue backdrop" would be a product's colour. */
function exchanges(caption: string, name: string, heads: readonly AttributeHead[]): string[] {
  const reading = readingsIn(caption, heads).find(({ head }) => head.name === name);
  if (reading === undefined) return [];
  const { head, value: own, from, to } = reading;
  return head.values
    .filter((value, at) => at !== own && value !== 'none')
    .map((value) => caption.slice(0, from) + value + caption.slice(to));
}

function shuffled<T>(values: readonly T[], random: () => number): T[] {
  const mixed = [...values];
  for (let at = mixed.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [mixed[at], mixed[other]] = [mixed[other] as T, mixed[at] as T];
  }
  return mixed;
}
