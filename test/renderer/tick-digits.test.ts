import { expect, it } from 'vitest';
import { tickDigits } from '../../renderer/components/tick-digits.ts';

it.each([
  ['0, 0.5, 1', [0, 1], 3, 1],
  ['0.6, 0.8, 1', [0.5, 1], 3, 1],
  ['0, 0.05, 0.1', [0, 0.17], 3, 2],
  ['0, 0.05, 0.1, 0.15', [0, 0.2], 4, 2],
  ['0.1, 0.2, 0.3', [0, 0.33], 4, 1],
  ['0.002, 0.004', [0, 0.005], 3, 3],
  ['one value only', [0.3, 0.3], 3, 1],
] as const)('ticks at %s are told apart', (_, domain, ticks, digits) => {
  expect(tickDigits(domain, ticks)).toBe(digits);
});
