/** JSON as other programs write it: Python's `NaN` and `Infinity` become null. undefined where it is not JSON at all. */
export function parseForeignJson(text: string): unknown {
  for (const candidate of [text, withoutNonFinite(text)]) {
    try {
      return JSON.parse(candidate) as unknown;
    } catch (error) {
      // Only a syntax error means "not JSON"; the caller reports the field as unreadable.
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  return undefined;
}

/** Replaces the words outside of strings only. */
function withoutNonFinite(text: string): string {
  return text.replaceAll(/"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g, (found) =>
    found.startsWith('"') ? found : 'null',
  );
}
