import type { Values } from './tensor.ts';

/** What random numbers are drawn for. Each purpose is a stream of its own, so that none ever reuses another's numbers. */
export const randomPurposes = ['start', 'step', 'cads', 'bootstrap', 'probes', 'selection', 'training'] as const;
export type RandomPurpose = (typeof randomPurposes)[number];

/** Four 32-bit words. */
type Words = readonly [number, number, number, number];

/** A source of random values in a fixed order. Filling 5 and then 3 gives other values than filling 8: a fill is one draw. */
export interface RandomStream {
  /** Overwrites `out` with independent N(0, 1) values. */
  normal<V extends Values>(out: V): V;
  /** Overwrites `out` with independent values uniform in [0, 1). */
  uniform<V extends Values>(out: V): V;
}

/** A stream whose draws can also be had out of order: draw `n` is the same whatever was drawn before. */
export interface PhiloxStream extends RandomStream {
  /** The stream of the same seed, image and purpose that begins with draw `draw`. */
  at(draw: number): PhiloxStream;
}

const twoTo32 = 2 ** 32;

/** High 32 bits of the 64-bit product of two 32-bit words. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const carry = ((aLow * bLow) >>> 16) + ((aHigh * bLow) & 0xffff) + ((aLow * bHigh) & 0xffff);
  // Each term is below 2^32, and so is the sum, because the whole product is below 2^64.
  return aHigh * bHigh + Math.floor((aHigh * bLow) / 65536) + Math.floor((aLow * bHigh) / 65536) + (carry >>> 16);
}

/**
 * Philox 4×32 with 10 rounds: a bijection of the counter, keyed. Salmon et al. 2011, "Parallel random numbers: as easy as
 * 1, 2, 3", section 3.3.
 */
export function philox4x32(counter: Words, key: readonly [number, number]): Words {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(0xd2511f53, c0);
    const low0 = Math.imul(0xd2511f53, c0);
    const high1 = multiplyHigh(0xcd9e8d57, c2);
    const low1 = Math.imul(0xcd9e8d57, c2);
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1 >>> 0, (high0 ^ c3 ^ k1) >>> 0, low0 >>> 0];
    // The key schedule is a Weyl sequence: golden ratio and sqrt(3) − 1.
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** Calls `write(word, position)` for the first `length` words of one draw. */
function forEachBlock(
  length: number,
  words: (block: number) => Words,
  write: (at: number, words: Words) => void,
): void {
  for (let at = 0; at < length; at += 4) write(at, words(at / 4));
}

/**
 * The random stream of one image: a pure function of seed, image index and purpose, so that an image is the same in every
 * batch size, order and split, and on every machine.
 *
 * The key is the seed (low and high word); the counter is [block, draw, image, purpose], where a block is four words. Normal
 * values are Box–Muller pairs of consecutive words: u1 = (w0 + 1)/2^32 in (0, 1], u2 = w1/2^32, and
 * sqrt(−2 ln u1) · (cos 2πu2, sin 2πu2). All is computed in double precision and rounded once into `out`.
 *
 * @param seed integer in [0, 2^53)
 * @param image index of the image in its batch, in [0, 2^32)
 */
export function philoxStream(seed: number, image: number, purpose: RandomPurpose): PhiloxStream {
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new RangeError(`seed: expected an integer in [0, 2^53), got ${seed}`);
  if (!Number.isInteger(image) || image < 0 || image >= twoTo32)
    throw new RangeError(`image index: expected an integer in [0, 2^32), got ${image}`);
  const key = [seed % twoTo32, Math.floor(seed / twoTo32)] as const;
  const purposeWord = randomPurposes.indexOf(purpose);

  const from = (firstDraw: number): PhiloxStream => {
    let draw = firstDraw;
    const nextDraw = (): ((block: number) => Words) => {
      const current = draw++;
      return (block) => philox4x32([block, current, image, purposeWord], key);
    };
    return {
      at: from,
      uniform(out) {
        forEachBlock(out.length, nextDraw(), (at, words) => {
          for (let i = 0; i < 4 && at + i < out.length; i++) out[at + i] = toUnit(words[i] ?? 0, out);
        });
        return out;
      },
      normal(out) {
        forEachBlock(out.length, nextDraw(), (at, [w0, w1, w2, w3]) => {
          writePair(out, at, w0, w1);
          writePair(out, at + 2, w2, w3);
        });
        return out;
      },
    };
  };
  return from(0);
}

/** A word as a number in [0, 1) that stays below 1 when it is stored in float32 (24 bits there, 32 in float64). */
function toUnit(word: number, out: Values): number {
  return out instanceof Float32Array ? (word >>> 8) / 2 ** 24 : word / twoTo32;
}

/** Box–Muller: two words give two independent normal values. Writing past the end of a typed array does nothing. */
function writePair(out: Values, at: number, w0: number, w1: number): void {
  const radius = Math.sqrt(-2 * Math.log((w0 + 1) / twoTo32));
  const angle = 2 * Math.PI * (w1 / twoTo32);
  out[at] = radius * Math.cos(angle);
  out[at + 1] = radius * Math.sin(angle);
}
