import { Failure } from '../contract/failures.ts';
import type { HostServices } from '../studio/studio.ts';

/** What a browser host can do for a studio: nothing of what a desktop can. */
export const browserServices: HostServices = {
  about: { host: 'browser', canChoosePlace: false },
  chooseFolder: () => Promise.resolve(null),
  reveal: () => {
    throw new Failure('unsupported', 'The browser host shows no files of its machine.');
  },
  trash: null,
};
