/** Where the page lives; no file: address is ever loaded. */
export const pageOrigin = 'app://gamut';
export const pageAddress = `${pageOrigin}/index.html`;

/** Whether an address is one of our page's. */
export function isOurs(address: string): boolean {
  return address === pageOrigin || address.startsWith(`${pageOrigin}/`);
}

/** An address in its parts; null where it is none. (`URL.parse` is younger than the oldest runtime this is tested on.) */
export function parseAddress(address: string): URL | null {
  return URL.canParse(address) ? new URL(address) : null;
}
