import { InvalidArgumentError } from 'commander';

/** Parser of a whole number option within bounds; the complaint says what was expected and what came. */
export function wholeNumber(low: number, high = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isInteger(value) || value < low || value > high)
      throw new InvalidArgumentError(
        `Expected a whole number from ${low}${value > high ? ` to ${high}` : upTo(high)}, got "${text}".`,
      );
    return value;
  };
}

/** Parser of a decimal number option within bounds, both included. */
export function decimalNumber(low = -Number.MAX_VALUE, high = Number.MAX_VALUE): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value) || value < low || value > high)
      throw new InvalidArgumentError(
        low === -Number.MAX_VALUE
          ? `Expected a number, got "${text}".`
          : `Expected a number from ${low}${upTo(high)}, got "${text}".`,
      );
    return value;
  };
}

/** Parser of a decimal number option above 0. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value > 0 && Number.isFinite(value)))
    throw new InvalidArgumentError(`Expected a number above 0, got "${text}".`);
  return value;
}

/** Parser of a path option: an empty one, as an unset variable of a script gives, is no folder. */
export function nonEmptyPath(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('Expected a path, got an empty text.');
  return text;
}

function upTo(high: number): string {
  return high >= Number.MAX_SAFE_INTEGER ? '' : ` to ${high}`;
}

/** Guidance scales separated by commas. */
export function scaleList(text: string): number[] {
  return text.split(',').map(decimalNumber(0, 100));
}

/** "1 step", "2 steps". */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
