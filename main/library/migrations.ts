/**
 * The library's tables, as numbered steps: a step that was released is never edited, a new one is added. Everything that
 * matters is in the image folders too (records in the files, `batch.json`, `marks.json`), except the queue and the
 * undo log.
 */
export const migrations: readonly (readonly string[])[] = [
  [
    `CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID`,

    `CREATE TABLE batches (
      id TEXT PRIMARY KEY,
      created_at TEXT NOT NULL,
      settings TEXT,
      state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed')),
      cost TEXT,
      measures TEXT NOT NULL DEFAULT '[]',
      -- Process that writes files here, 0 for none: after a kill the folder may hold some that have no row yet.
      arriving INTEGER NOT NULL DEFAULT 0,
      -- Changes that marks.json lacks.
      marks_behind INTEGER NOT NULL DEFAULT 0
    ) STRICT`,
    `CREATE INDEX batches_by_age ON batches (created_at DESC)`,
    `CREATE INDEX batches_unsettled ON batches (id) WHERE arriving > 0 OR marks_behind > 0`,

    // Narrow rows: what filters and sorts read. The long texts are in image_records.
    `CREATE TABLE images (
      key INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      batch TEXT NOT NULL REFERENCES batches (id),
      position INTEGER NOT NULL,
      file TEXT NOT NULL,
      file_bytes INTEGER NOT NULL,
      origin TEXT NOT NULL CHECK (origin IN ('generated', 'imported')),
      created_at TEXT NOT NULL,
      width INTEGER NOT NULL,
      height INTEGER NOT NULL,
      rejected INTEGER NOT NULL DEFAULT 0,
      -- Was rejected by reweighting and taken back by a person.
      rescued INTEGER NOT NULL DEFAULT 0,
      deleted INTEGER NOT NULL DEFAULT 0,
      -- The file is not where the row says yet.
      moving INTEGER NOT NULL DEFAULT 0,
      flag TEXT NOT NULL DEFAULT 'none' CHECK (flag IN ('pick', 'reject', 'none')),
      rating INTEGER NOT NULL DEFAULT 0 CHECK (rating BETWEEN 0 AND 5),
      seed INTEGER,
      step_count INTEGER,
      sampler TEXT,
      guidance_scale REAL,
      dial REAL,
      pseudo_density REAL,
      density_percentile REAL,
      text_image_score REAL,
      class_probability REAL,
      model TEXT NOT NULL,
      pixel_hash TEXT NOT NULL,
      prompt TEXT NOT NULL,
      UNIQUE (batch, file)
    ) STRICT`,
    `CREATE INDEX images_newest ON images (deleted, rejected)`,
    // Every column that filters read, in order of arrival: a filter walks this, not the rows.
    `CREATE INDEX images_filters ON images (deleted, rejected, key, flag, rating, seed, step_count, sampler,
      guidance_scale, dial, density_percentile, text_image_score, created_at, model)`,
    `CREATE INDEX images_rated ON images (deleted, rejected, rating)`,
    `CREATE INDEX images_typical ON images (deleted, rejected, ifnull(density_percentile, -1.0))`,
    `CREATE INDEX images_unusual ON images (deleted, rejected, ifnull(density_percentile, 1e9))`,
    `CREATE INDEX images_matching ON images (deleted, rejected, ifnull(text_image_score, -1e9))`,
    `CREATE INDEX images_in_batch ON images (batch, position)`,
    `CREATE INDEX images_by_pixels ON images (pixel_hash)`,
    `CREATE INDEX images_by_seed ON images (seed)`,
    `CREATE INDEX images_moving ON images (key) WHERE moving = 1`,

    `CREATE TABLE image_records (
      image INTEGER PRIMARY KEY REFERENCES images (key) ON DELETE CASCADE,
      record TEXT,
      foreign_settings TEXT,
      look BLOB,
      feature_encoder TEXT,
      features BLOB
    ) STRICT`,

    `CREATE TABLE image_tags (
      image INTEGER NOT NULL REFERENCES images (key) ON DELETE CASCADE,
      tag TEXT NOT NULL,
      PRIMARY KEY (image, tag)
    ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX image_tags_by_tag ON image_tags (tag, image)`,

    `CREATE TABLE collections (
      id TEXT PRIMARY KEY,
      name TEXT NOT NULL UNIQUE COLLATE NOCASE,
      created_at TEXT NOT NULL
    ) STRICT`,
    `CREATE TABLE collection_images (
      collection TEXT NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
      image INTEGER NOT NULL REFERENCES images (key) ON DELETE CASCADE,
      PRIMARY KEY (collection, image)
    ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX collection_images_by_image ON collection_images (image)`,

    // Pairs of the designer's own choosing, for preference tuning.
    `CREATE TABLE preference_pairs (
      winner INTEGER NOT NULL REFERENCES images (key) ON DELETE CASCADE,
      loser INTEGER NOT NULL REFERENCES images (key) ON DELETE CASCADE,
      at TEXT NOT NULL,
      PRIMARY KEY (winner, loser)
    ) STRICT, WITHOUT ROWID`,

    // state: 'state00' and so on from deleted and rejected, so that the index alone can count what a word finds.
    `CREATE VIRTUAL TABLE image_words USING fts5 (
      prompt, tags, model, state,
      content = '', contentless_delete = 1,
      tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3'
    )`,

    `CREATE TABLE actions (
      number INTEGER PRIMARY KEY,
      verb TEXT NOT NULL,
      at TEXT NOT NULL,
      undone INTEGER NOT NULL DEFAULT 0,
      change TEXT NOT NULL
    ) STRICT`,

    `CREATE TABLE jobs (
      id TEXT PRIMARY KEY,
      batch TEXT NOT NULL,
      settings TEXT NOT NULL,
      state TEXT NOT NULL,
      place REAL NOT NULL,
      progress TEXT NOT NULL,
      created_at TEXT NOT NULL,
      started_at TEXT,
      finished_at TEXT,
      failure TEXT,
      interruptions INTEGER NOT NULL DEFAULT 0,
      -- Process that runs it, so that a second one does not take it for left behind.
      runner INTEGER
    ) STRICT`,
    `CREATE INDEX jobs_in_order ON jobs (place)`,
  ],
  [
    // What a batch holds is counted from this alone; without it a library that SQLite has no statistics of yet is read
    // whole for every batch.
    `CREATE INDEX images_of_batch ON images (batch, deleted, rejected, flag)`,
  ],
  [
    // The word index is merged a little with every image (words.ts). Left to itself it is merged rarely and all at once, which
    // keeps whoever writes for half a second in a large library.
    `INSERT INTO image_words (image_words, rank) VALUES ('automerge', 0)`,
    `INSERT INTO image_words (image_words, rank) VALUES ('crisismerge', 1000)`,
  ],
  [
    // What people ask most, picks and ratings, without walking all of images_filters.
    `CREATE INDEX images_marked ON images (deleted, rejected, flag, rating)`,
  ],
];
