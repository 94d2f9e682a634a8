import { existsSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import type { z } from 'zod';
import { Failure, failureFromZod } from '../contract/failures.ts';
import { parsePythonJson } from './python-json.ts';

/** A JSON file of a package, parsed by a schema; null when it does not exist. */
export function readOptionalJson<Schema extends z.ZodType>(
  folder: string,
  file: string,
  schema: Schema,
): z.infer<Schema> | null {
  const path = join(folder, file);
  if (!existsSync(path)) return null;
  let content: unknown;
  try {
    content = parsePythonJson(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Failure('model-broken', `${path}: expected JSON: ${error instanceof Error ? error.message : ''}`, path);
  }
  const parsed = schema.safeParse(content);
  if (!parsed.success)
    throw new Failure('model-broken', failureFromZod(parsed.error, path).message, path, { cause: parsed.error });
  return parsed.data;
}

/** As `readOptionalJson`, for a file that must be there. */
export function readJson<Schema extends z.ZodType>(folder: string, file: string, schema: Schema): z.infer<Schema> {
  const content = readOptionalJson(folder, file, schema);
  if (content === null)
    throw new Failure('model-broken', `model package ${folder}: expected ${file}, found none`, file);
  return content;
}

/** A path as messages show it: relative to the package, with forward slashes. */
export function shown(folder: string, path: string): string {
  return relative(folder, path).split(sep).join('/');
}
