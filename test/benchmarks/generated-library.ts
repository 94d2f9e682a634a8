import { openLibrary, type Library } from '../../main/library/library.ts';
import { lookBytes } from '../../main/library/look.ts';
import { indexWords } from '../../main/library/words.ts';

const materials = [
  'terracotta',
  'porcelain',
  'walnut',
  'steel',
  'glass',
  'marble',
  'linen',
  'brass',
  'oak',
  'concrete',
];
const objects = ['vase', 'lamp', 'chair', 'mug', 'table', 'bottle', 'bowl', 'clock', 'shelf', 'teapot'];
const moods = ['tall matte', 'small glossy', 'soft round', 'thin angular', 'wide ribbed', 'short plain'];
const seasons = ['autumn line', 'spring catalogue', 'winter window', 'summer table', '秋の花瓶', '春の食器'];

/**
 * A library of `count` images without their files: rows, records, words and a few tags, as years of batches would leave
 * them. The same numbers every time.
 */
export async function generatedLibrary(home: string, count: number, batchSize = 64): Promise<Library> {
  const library = await openLibrary(home);
  const { database } = library;
  let state = 12345;
  const random = (below: number): number => {
    // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
  for (let first = 0; first < count; first += 6400)
    database.transaction(() => {
      for (let i = first; i < Math.min(count, first + 6400); i += 1) insertOne(i);
    });
  return library;

  function insertOne(i: number): void {
    const batch = `batch-${String(Math.floor(i / batchSize)).padStart(6, '0')}`;
    const moment = new Date(Date.UTC(2025, 0, 1) + i * 60_000).toISOString();
    if (i % batchSize === 0)
      database.run('INSERT INTO batches (id, created_at, state) VALUES (?, ?, ?)', batch, moment, 'closed');
    const words = [random(moods.length), random(objects.length), random(materials.length), random(seasons.length)];
    const prompt = `${moods[words[0] ?? 0]} ${objects[words[1] ?? 0]} of ${materials[words[2] ?? 0]}, for the ${seasons[words[3] ?? 0]}, product photo on a plain background`;
    const { key } = database.run(
      `INSERT INTO images (id, batch, position, file, file_bytes, origin, created_at, width, height, rejected, deleted,
         flag, rating, seed, step_count, sampler, guidance_scale, dial, pseudo_density, density_percentile,
         text_image_score, class_probability, model, pixel_hash, prompt)
       VALUES (?, ?, ?, ?, 20000, 'generated', ?, 96, 96, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1.0, ?, ?, NULL, ?, ?, ?)`,
      `${batch}-${String(i % batchSize).padStart(5, '0')}`,
      batch,
      i % batchSize,
      `${String(i % batchSize).padStart(5, '0')}.png`,
      moment,
      random(10) === 0 ? 1 : 0,
      random(50) === 0 ? 1 : 0,
      ['none', 'none', 'none', 'pick', 'reject'][random(5)] ?? 'none',
      random(6),
      random(1_000_000),
      10 + random(40),
      ['euler', 'dpm++2m', 'ddim'][random(3)] ?? null,
      1 + random(80) / 10,
      random(21) / 10 - 1,
      random(5) === 0 ? null : random(1000) / 10,
      random(1000) / 1000,
      ['gamut-products', 'own-model'][random(2)] ?? '',
      String(i),
      prompt,
    );
    database.run(
      'INSERT INTO image_records (image, look, record) VALUES (?, ?, ?)',
      key,
      Uint8Array.from({ length: lookBytes }, () => random(256)),
      JSON.stringify({ prompt, padding: 'x'.repeat(1200) }),
    );
    if (random(4) === 0) database.run('INSERT INTO image_tags (image, tag) VALUES (?, ?)', key, `tag ${random(30)}`);
    indexWords(library, key);
  }
}
