import { Failure } from '../contract/failures.ts';
import type { ImageSummary } from '../contract/library.ts';
import type { Library } from './library.ts';

/** Columns of a summary; the tags come with the row, so that a page is one statement. */
export const summaryColumns = `images.key, images.id, images.batch, images.position, images.origin, images.created_at,
  images.width, images.height, images.prompt, images.model, images.seed, images.rejected, images.flag, images.rating,
  images.deleted, images.pseudo_density, images.density_percentile, images.text_image_score, images.class_probability,
  (SELECT json_group_array(tag) FROM image_tags WHERE image = images.key) AS tags`;

/** What the summary columns of one row say; the table's own checks guarantee the unions. */
export function summaryOf(row: Readonly<Record<string, unknown>>): ImageSummary {
  const number = (name: string): number | null => (row[name] === null ? null : Number(row[name]));
  return {
    id: String(row['id']),
    batch: String(row['batch']),
    index: Number(row['position']),
    origin: row['origin'] as ImageSummary['origin'],
    createdAt: String(row['created_at']),
    width: Number(row['width']),
    height: Number(row['height']),
    prompt: String(row['prompt']),
    model: String(row['model']),
    seed: number('seed'),
    candidate: row['rejected'] === 1 ? 'rejected' : 'kept',
    flag: row['flag'] as ImageSummary['flag'],
    rating: Number(row['rating']),
    tags: JSON.parse(String(row['tags'])) as string[],
    scores: {
      pseudoDensity: number('pseudo_density'),
      densityPercentile: number('density_percentile'),
      textImageScore: number('text_image_score'),
      classProbability: number('class_probability'),
    },
    deleted: row['deleted'] === 1,
  };
}

/** Keys of images by id, in the order of the ids. @throws Failure not-found naming the first that is missing. */
export function keysOf(library: Library, ids: readonly string[]): number[] {
  return ids.map((id) => {
    const key = library.database.get('SELECT key FROM images WHERE id = ?', id)?.['key'];
    if (key === undefined) throw new Failure('not-found', `there is no image '${id}' in the library`, id);
    return Number(key);
  });
}

/** Summaries in the order of the ids. @throws Failure not-found */
export function imageSummaries(library: Library, ids: readonly string[]): ImageSummary[] {
  return ids.map((id) => {
    const row = library.database.get(`SELECT ${summaryColumns} FROM images WHERE id = ?`, id);
    if (row === undefined) throw new Failure('not-found', `there is no image '${id}' in the library`, id);
    return summaryOf(row);
  });
}
