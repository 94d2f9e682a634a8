import { readFile } from 'node:fs/promises';
import { Failure, failureFromZod } from '../contract/failures.ts';
import {
  conformanceFileSchema,
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
  const parsed = conformanceFileSchema.safeParse(json);
  if (!parsed.success) throw failureFromZod(parsed.error, path);
  if (parsed.data.cases.length + parsed.data.scheduleCases.length === 0)
    throw new Failure('bad-input', `${path}: expected at least one entry in cases or scheduleCases`, path);
  return parsed.data;
}

/** Runs every case of a file in its order. A case that cannot be run is a failed one, with the reason as its result. */
export async function* checkConformance(file: ConformanceFile): AsyncGenerator<ConformanceResult> {
  for (const given of file.cases)
    yield await checkConformanceCase(given).catch((error: unknown) => failed(given.id, given.expectedAbsSum, error));
  for (const given of file.scheduleCases) {
    let result: ConformanceResult;
    try {
      result = checkScheduleCase(given);
    } catch (error) {
      result = failed(given.id, given.expect, error);
    }
    yield result;
  }
}

function failed(id: string, expected: unknown, error: unknown): ConformanceResult {
  return { id, expected, got: error instanceof Error ? error.message : String(error), tolerance: 0, pass: false };
}
