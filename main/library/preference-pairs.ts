import { Failure } from '../contract/failures.ts';
import { keysOf } from './image-rows.ts';
import type { Library } from './library.ts';

/** One choice of a person between two images, for preference tuning. */
export interface PreferencePair {
  readonly winner: string;
  readonly loser: string;
  readonly at: string;
}

/** Keeps a choice; the opposite choice of the same two replaces it. @throws Failure bad-input for an image and itself. */
export function addPreferencePair(library: Library, winner: string, loser: string): void {
  const [winnerKey = -1, loserKey = -1] = keysOf(library, [winner, loser]);
  if (winnerKey === loserKey) throw new Failure('bad-input', `expected two different images, got '${winner}' twice`);
  library.database.transaction(() => {
    library.database.run('DELETE FROM preference_pairs WHERE winner = ? AND loser = ?', loserKey, winnerKey);
    library.database.run(
      'INSERT OR REPLACE INTO preference_pairs (winner, loser, at) VALUES (?, ?, ?)',
      winnerKey,
      loserKey,
      library.now(),
    );
    library.sidecars.behind(
      [winnerKey, loserKey].map((key) =>
        String(library.database.get('SELECT batch FROM images WHERE key = ?', key)?.['batch']),
      ),
    );
  });
  library.sidecars.catchUp();
}

/** Every choice, oldest first, without those about images in the trash. */
export function preferencePairs(library: Library): PreferencePair[] {
  return library.database
    .all(
      `SELECT winners.id AS winner, losers.id AS loser, at FROM preference_pairs
         JOIN images AS winners ON winners.key = winner JOIN images AS losers ON losers.key = loser
       WHERE winners.deleted = 0 AND losers.deleted = 0 ORDER BY at, winners.key, losers.key`,
    )
    .map((row) => ({ winner: String(row['winner']), loser: String(row['loser']), at: String(row['at']) }));
}
