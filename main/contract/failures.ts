import { z } from 'zod';

/** Why something could not be done, as a code that windows, scripts and tests can branch on. */
export const failureCodes = [
  'bad-input', // the request itself is wrong: exit code 2
  'not-found',
  'model-broken',
  'unsupported',
  'non-finite',
  'disk-full',
  'not-writable',
  'engine-gone',
  'interrupted',
  'busy',
  'denied',
  'internal',
] as const;

export const failureSchema = z.strictObject({
  code: z.enum(failureCodes),
  /** One line: what was expected, what came, where. */
  message: z.string(),
  /** The setting, file or field the message is about, when there is one. */
  where: z.string().optional(),
});

export type FailureCode = (typeof failureCodes)[number];
export type FailureRecord = z.infer<typeof failureSchema>;

/** The one error class that crosses boundaries: thrown inside main, sent as a `FailureRecord`. */
export class Failure extends Error {
  readonly code: FailureCode;
  readonly where: string | undefined;

  constructor(code: FailureCode, message: string, where?: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Failure';
    this.code = code;
    this.where = where;
  }

  toRecord(): FailureRecord {
    return this.where === undefined
      ? { code: this.code, message: this.message }
      : { code: this.code, message: this.message, where: this.where };
  }

  static fromRecord(record: FailureRecord): Failure {
    return new Failure(record.code, record.message, record.where);
  }
}

/** Translates anything thrown into a failure; system errors keep their meaning (ENOSPC is a full disk). */
export function toFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (error instanceof z.ZodError) return failureFromZod(error);
  if (error instanceof Error) {
    const code = 'code' in error ? String(error.code) : '';
    if (error.name === 'AbortError') return new Failure('interrupted', 'The work was stopped.');
    if (code === 'ENOSPC' || code === 'EDQUOT') return new Failure('disk-full', `The disk is full: ${error.message}`);
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
      return new Failure('not-writable', `No permission: ${error.message}`);
    if (code === 'ENOENT') return new Failure('not-found', `No such file or folder: ${error.message}`);
    return new Failure('internal', error.message, undefined, { cause: error });
  }
  return new Failure('internal', String(error));
}

/**
 * One line from a schema's complaint: the first issue, with its path.
 *
 * @param given what was checked, so that the line can say what came
 */
export function failureFromZod(error: z.ZodError, what = 'input', given?: unknown): Failure {
  const issue = error.issues[0];
  const where = issue === undefined ? what : [what, ...issue.path.map(String)].join('.');
  const message = issue?.message ?? 'not as expected';
  const came = /received|, got /.test(message) ? '' : shown(valueAt(given, issue?.path ?? []));
  return new Failure('bad-input', `${where}: ${message}${came === '' ? '' : `, got ${came}`}`, where);
}

function valueAt(given: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce((value, key) => (Object(value) as Readonly<Record<PropertyKey, unknown>>)[key], given);
}

/** A value in few words; nothing where it says nothing. */
function shown(value: unknown): string {
  if (typeof value === 'string') return value.length > 40 ? `${value.length} characters` : JSON.stringify(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return Array.isArray(value) ? `${value.length}` : '';
}
