/**
 * Parses JSON as Python's `json` writes it: infinities and NaN as bare words, which JSON does not have, become strings.
 * Schedulers of real packages hold `"lambda_min_clipped": -Infinity`.
 *
 * @throws SyntaxError as `JSON.parse` does
 */
export function parsePythonJson(text: string): unknown {
  return JSON.parse(text.replaceAll(/([:[,]\s*)(-?Infinity|NaN)(?=\s*[,}\]])/g, '$1"$2"'));
}
