import type { AttributeHead } from '../model-packages/feature-encoder.ts';
import { statedIn } from './reference-set.ts';

/**
 * Captions that could be confused with a picture's own: the caption with one attribute's value exchanged (Cross & Ragni
 * 2024, section 5.2: "red sphere" becomes "blue sphere"), filled up with captions of other pictures.
 *
 * @param head whose value is exchanged; null, or not stated by the caption: other captions only
 * @param random uniform in [0, 1)
 */
export function confoundersOf(
  caption: string,
  others: readonly string[],
  head: AttributeHead | null,
  count: number,
  random: () => number,
): string[] {
  const exchanged = head === null ? [] : shuffled(exchanges(caption, head), random);
  const rest = shuffled([...new Set(others)], random);
  const distinct = new Set([...exchanged, ...rest].filter((each) => each !== caption));
  return [...distinct].slice(0, count);
}

function exchanges(caption: string, head: AttributeHead): string[] {
  const stated = statedIn(caption, [head])[head.name];
  const own = stated === undefined ? undefined : head.values[stated];
  if (own === undefined) return [];
  const words = own.split(/[\s-]+/).join('[\\s-]+');
  const place = new RegExp(`\\b${words}\\b`, 'i');
  return head.values
    .filter((value) => value !== own && value !== 'none')
    .map((value) => caption.replace(place, value))
    .filter((changed) => changed !== caption);
}

function shuffled<T>(values: readonly T[], random: () => number): T[] {
  const mixed = [...values];
  for (let at = mixed.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [mixed[at], mixed[other]] = [mixed[other] as T, mixed[at] as T];
  }
  return mixed;
}
