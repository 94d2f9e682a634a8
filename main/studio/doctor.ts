import { statfs } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { arch, cpus, platform, release, totalmem } from 'node:os';
import { dirname } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { toFailure } from '../contract/failures.ts';
import type { ProbedProvider } from '../engine/requests/probe-providers.ts';
import { defaultHome } from '../library/library.ts';
import { listModels } from './models.ts';
import type { Workshop } from './workshop.ts';

/** How this machine stands. */
export interface Diagnosis {
  readonly versions: { readonly gamut: string; readonly node: string; readonly onnxruntime: string | null };
  readonly machine: {
    readonly platform: string;
    readonly processors: number;
    readonly processor: string;
    readonly memoryBytes: number;
  };
  /** The folder of the person's data, and what is free on its disk. */
  readonly data: { readonly folder: string; readonly freeBytes: number };
  readonly providers: readonly ProbedProvider[];
  readonly models: readonly { readonly id: string; readonly problem: string | null }[];
  /** What stands in the way of making an image; empty when nothing does. */
  readonly problems: readonly string[];
}

/** Below this, a batch may not fit. */
const littleDisk = 500 * 2 ** 20;

/** Looks at everything a batch needs, with a tiny run on each execution provider. */
export async function diagnose(workshop: Workshop): Promise<Diagnosis> {
  const problems: string[] = [];
  let onnxruntime: string | null = null;
  let providers: readonly ProbedProvider[] = [];
  try {
    for await (const probed of workshop.engine.request('probeProviders', {})) ({ onnxruntime, providers } = probed);
  } catch (error) {
    problems.push(`The engine does not run: ${toFailure(error).message}`);
  }
  if (onnxruntime !== null && !providers.some(({ works }) => works)) problems.push('No execution provider works.');
  const folder = defaultHome();
  const { bavail, bsize } = await statfs(nearestExisting(folder));
  const freeBytes = bavail * bsize;
  if (freeBytes < littleDisk) problems.push(`Only ${Math.round(freeBytes / 2 ** 20)} MB are free at ${folder}.`);
  const models = listModels(workshop.folders).map(({ id, problem }) => ({ id, problem }));
  if (!models.some(({ problem }) => problem === null)) problems.push('No model can be used.');
  return {
    versions: { gamut: packageJson.version, node: process.versions.node, onnxruntime },
    machine: {
      platform: `${platform()} ${release()} ${arch()}`,
      processors: cpus().length,
      processor: cpus()[0]?.model ?? 'unknown',
      memoryBytes: totalmem(),
    },
    data: { folder, freeBytes },
    providers,
    models,
    problems,
  };
}

function nearestExisting(path: string): string {
  return existsSync(path) ? path : nearestExisting(dirname(path));
}
