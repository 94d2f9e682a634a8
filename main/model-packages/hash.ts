import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { ModelPackage } from './package.ts';
import { shown } from './read-json.ts';

const cacheSchema = z.record(z.string(), z.string());
/** Below this, hashing is quicker than a person notices and needs no cache. */
const worthCaching = 256 * 2 ** 20;

/**
 * Content hash of what decides a model's pictures: weights, tokenizer and noise schedule. 64 hexadecimal digits; the same
 * wherever the package lies.
 *
 * @param cacheFile remembers the hashes of large files by path, size and time of change; null: nothing is remembered
 */
export function hashPackage(modelPackage: ModelPackage, cacheFile: string | null = null): Promise<string> {
  const known = hashes.get(modelPackage) ?? hashFiles(modelPackage, cacheFile);
  hashes.set(modelPackage, known);
  return known;
}

/** A package is read again when its files change, so a hash holds as long as its package. */
const hashes = new WeakMap<ModelPackage, Promise<string>>();

async function hashFiles({ folder, model, weightFiles }: ModelPackage, cacheFile: string | null): Promise<string> {
  const others = ['tokenizer.json', 'vocab.json', 'merges.txt'].map((file) => join(folder, 'tokenizer', file));
  const files = [...weightFiles, ...others.filter((file) => existsSync(file))];
  const sampling = model.recommended === undefined ? [] : [model.recommended];
  const whole = createHash('sha256').update(JSON.stringify([model.latent, model.scheduler, ...sampling]));
  for (const file of files) whole.update(`${shown(folder, file)} ${await hashFile(file, cacheFile)}\n`);
  return whole.digest('hex');
}

async function hashFile(path: string, cacheFile: string | null): Promise<string> {
  const { size, mtimeMs } = statSync(path);
  const key = `${path} ${size} ${mtimeMs}`;
  const cache = size < worthCaching || cacheFile === null ? null : readCache(cacheFile);
  const known = cache?.[key];
  if (known !== undefined) return known;
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  const digest = hash.digest('hex');
  if (cache !== null && cacheFile !== null) writeCache(cacheFile, { ...cache, [key]: digest });
  return digest;
}

function readCache(file: string): Record<string, string> {
  if (!existsSync(file)) return {};
  return cacheSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
}

function writeCache(file: string, cache: Record<string, string>): void {
  mkdirSync(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, JSON.stringify(cache));
  renameSync(temporary, file);
}
