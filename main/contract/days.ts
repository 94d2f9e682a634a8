/**
 * The moment at which a year, a month or a day (`2026`, `2026-01`, `2026-01-31`) begins where the person lives, as
 * ISO 8601; null for what names no such time.
 */
export function beginningOf(text: string): string | null {
  const [, year, month = '1', day = '1'] = /^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?$/.exec(text) ?? [];
  if (year === undefined) return null;
  const moment = new Date(Number(year), Number(month) - 1, Number(day));
  // Date takes the 31st of February for a day in March, and the year 26 for 1926.
  const exists =
    moment.getFullYear() === Number(year) &&
    moment.getMonth() === Number(month) - 1 &&
    moment.getDate() === Number(day);
  return exists ? moment.toISOString() : null;
}

/** The last moment before one, as ISO 8601. */
export function momentBefore(moment: string): string {
  return new Date(Date.parse(moment) - 1).toISOString();
}
