import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { Failure, failureFromZod } from '../contract/failures.ts';
import {
  conformanceCaseSchema,
  conformanceFileSchema,
  scheduleCaseSchema,
  type ConformanceFile,
  type ConformanceResult,
} from '../engine/diffusion/conformance-cases.ts';
import { checkConformanceCase } from '../engine/diffusion/conformance.ts';
import { checkScheduleCase } from '../engine/diffusion/conformance-schedule.ts';
import { parsePythonJson } from '../model-packages/python-json.ts';

/** Reads a conformance file; a file that is not one is `bad-input`. */
export async function readConformanceFile(path: string): Promise<ConformanceFile> {
  let json: unknown;
  try {
    json = parsePythonJson(await readFile(path, 'utf8'));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Failure('bad-input', `${path}: expected a JSON file with conformance cases (${reason})`, path, {
      cause: error,
    });
  }
  const file = conformanceFileSchema.safeParse(json);
  if (!file.success) throw failureFromZod(file.error, path);
  if (file.data.cases.length + file.data.scheduleCases.length === 0)
    throw new Failure('bad-input', `${path}: expected at least one entry in cases or scheduleCases`, path);
  return file.data;
}

/** Runs every case of a file in its order. A case that cannot be run is a failed one, with the reason as its result. */
export async function* checkConformance(file: ConformanceFile): AsyncGenerator<ConformanceResult> {
  for (const given of file.cases)
    yield await orFailed(given, () => checkConformanceCase(parsed(conformanceCaseSchema, given)));
  for (const given of file.scheduleCases)
    yield await orFailed(given, () => checkScheduleCase(parsed(scheduleCaseSchema, given)));
}

function parsed<Schema extends z.ZodType>(schema: Schema, given: { readonly id: string }): z.infer<Schema> {
  const result = schema.safeParse(given);
  if (!result.success) throw failureFromZod(result.error, given.id);
  return result.data;
}

async function orFailed(
  given: ConformanceFile['cases'][number],
  check: () => ConformanceResult | Promise<ConformanceResult>,
): Promise<ConformanceResult> {
  try {
    return await check();
  } catch (error) {
    const got = error instanceof Error ? error.message : String(error);
    return {
      id: given.id,
      expected: given['expect'] ?? given['expectedAbsSum'] ?? null,
      got,
      tolerance: 0,
      pass: false,
    };
  }
}
