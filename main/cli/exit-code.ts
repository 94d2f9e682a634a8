import type { FailureCode } from '../contract/failures.ts';

/** Exit codes that scripts rely on: 0 done, 1 failure, 2 bad usage or input, 130 interrupted. */
export function exitCodeOf(code: FailureCode): number {
  switch (code) {
    case 'bad-input':
    case 'not-found':
    case 'model-broken':
    case 'unsupported':
    case 'not-writable':
    case 'disk-full':
      return 2;
    case 'interrupted':
      return 130;
    case 'non-finite':
    case 'engine-gone':
    case 'busy':
    case 'denied':
    case 'internal':
      return 1;
  }
}
