/**
 * Text as XML character data or attribute value. XML 1.0 has no way to write most control characters, so they become
 * U+FFFD.
 */
export function escapeXml(text: string): string {
  return (
    text
      .toWellFormed()
      // eslint-disable-next-line no-control-regex -- these are exactly the characters XML 1.0 excludes
      .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      // A parser turns a bare carriage return into a line feed.
      .replaceAll('\r', '&#13;')
  );
}

/** The inverse for what `escapeXml` writes. */
export function unescapeXml(text: string): string {
  const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&', '#13': '\r' };
  return text.replaceAll(/&(#13|[a-z]+);/g, (whole, name: string) => entities[name] ?? whole);
}
