import type { StudioHandlers } from '../../contract/calls/index.ts';
import { Failure } from '../../contract/failures.ts';
import type { Library } from '../../library/library.ts';

const missing = async (): Promise<never> => {
  throw new Failure('unsupported', 'Presets are not joined in yet.');
};

export function presetHandlers(_library: Library): StudioHandlers['presets'] {
  return { list: async () => [], save: missing, remove: missing, write: missing, read: missing };
}
