/**
 * Decimals that tell the ticks of an axis apart. The step between them is the largest of 1, 2 or 5 times a power of ten that
 * gives about so many ticks, as d3 (which draws them) chooses it.
 */
export function tickDigits([low, high]: readonly [number, number], ticks: number): number {
  const step = Math.abs(high - low) / ticks;
  if (!(step > 0)) return 1;
  const power = Math.floor(Math.log10(step));
  const rounded = step / 10 ** power >= Math.sqrt(50) ? power + 1 : power;
  return Math.max(1, -rounded);
}
