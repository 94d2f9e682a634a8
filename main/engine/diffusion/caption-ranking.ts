import { Failure } from '../../contract/failures.ts';

/** How well a score picks the caption that belongs to each image. */
export interface CaptionRanking {
  /** Share of images whose own caption scores highest; a tie at the top counts as its share. */
  readonly accuracy: number;
  /** Wilson's 95 % interval of the accuracy. */
  readonly accuracyInterval: readonly [low: number, high: number];
  readonly meanReciprocalRank: number;
  /** Mean of own score − best other score, in the score's unit. */
  readonly meanMargin: number;
  /** Margin of each image: negative where a confounder wins. */
  readonly margins: readonly number[];
  readonly imageCount: number;
}

/**
 * The experiment of Cross & Ragni 2024, section 5.2: rank the captions of each image by a score, highest first.
 *
 * @param scores [image][caption], for example log-likelihoods or text-image similarities
 * @param own index of each image's own caption
 */
export function rankCaptions(scores: readonly (readonly number[])[], own: readonly number[]): CaptionRanking {
  if (scores.length === 0 || scores.length !== own.length)
    throw new Failure(
      'bad-input',
      `captions: expected a row of scores for each of ${own.length} images, got ${scores.length}`,
    );
  const images = scores.map((row, image) => {
    const score = row[own[image] ?? -1];
    const others = row.filter((_, caption) => caption !== own[image]);
    if (score === undefined || others.length === 0 || !row.every(Number.isFinite))
      throw new Failure('bad-input', `captions: image ${image} needs finite scores of its own caption and of another`);
    const higher = others.filter((other) => other > score).length;
    const tied = others.filter((other) => other === score).length;
    return {
      correct: higher === 0 ? 1 / (1 + tied) : 0,
      // Ties share the mean of their ranks.
      reciprocalRank: 1 / (1 + higher + tied / 2),
      margin: score - Math.max(...others),
    };
  });
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const accuracy = mean(images.map(({ correct }) => correct));
  const margins = images.map(({ margin }) => margin);
  return {
    accuracy,
    accuracyInterval: wilsonInterval(accuracy, images.length),
    meanReciprocalRank: mean(images.map(({ reciprocalRank }) => reciprocalRank)),
    meanMargin: mean(margins),
    margins,
    imageCount: images.length,
  };
}

/** Wilson 1927: the proportions that the observed one does not contradict at the level of z. */
export function wilsonInterval(proportion: number, count: number, z = 1.959963984540054): readonly [number, number] {
  const square = z * z;
  const centre = (proportion + square / (2 * count)) / (1 + square / count);
  const half =
    (z / (1 + square / count)) * Math.sqrt((proportion * (1 - proportion)) / count + square / (4 * count * count));
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}
