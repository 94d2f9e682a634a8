/** An address in its parts; null where it is none. (`URL.parse` is younger than the oldest runtime this is tested on.) */
export function parseAddress(address: string): URL | null {
  return URL.canParse(address) ? new URL(address) : null;
}
