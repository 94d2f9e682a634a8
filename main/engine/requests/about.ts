import type { Handler } from '../protocol.ts';

export interface AboutEngine {
  readonly pid: number;
  readonly node: string;
  /** Resident memory of the engine's process, in bytes: now, and the most it ever was. */
  readonly rss: number;
  readonly peakRss: number;
}

/** Who the engine's process is and what memory it holds. */
export const about: Handler<Record<string, never>, AboutEngine> = async function* () {
  yield {
    pid: process.pid,
    node: process.versions.node,
    rss: process.memoryUsage.rss(),
    peakRss: process.resourceUsage().maxRSS * 1024,
  };
};
