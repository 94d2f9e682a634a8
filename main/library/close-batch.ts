import { batchSummary } from './batches.ts';
import type { BatchSummary } from '../contract/library.ts';
import type { Library } from './library.ts';
import { deleteImages } from './marks.ts';
import { searchAll } from './search.ts';

/**
 * Ends the culling of a batch: candidates that were rejected and not rescued go to the library's trash, from where an undo
 * or a restore brings them back.
 * @throws Failure not-found
 */
export async function closeBatch(library: Library, batch: string): Promise<BatchSummary> {
  batchSummary(library, batch);
  const rejected = [...searchAll(library, { batch, candidates: 'rejected' })].map(({ id }) => id);
  await deleteImages(library, rejected);
  library.database.transaction(() => {
    library.database.run("UPDATE batches SET state = 'closed' WHERE id = ?", batch);
    library.sidecars.behind([batch]);
  });
  library.sidecars.catchUp();
  return batchSummary(library, batch);
}
