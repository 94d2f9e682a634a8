import type { z } from 'zod';

/** One thing a window may ask: it is answered once. */
export interface RequestCall<Input extends z.ZodType = z.ZodType, Output extends z.ZodType = z.ZodType> {
  readonly kind: 'request';
  readonly input: Input;
  readonly output: Output;
  /** Whether it changes the library: then it is answered when no power cut can take the change any more. */
  readonly changes?: true;
}

/** One thing a window may follow: events come until either side ends it. */
export interface StreamCall<Input extends z.ZodType = z.ZodType, Event extends z.ZodType = z.ZodType> {
  readonly kind: 'stream';
  readonly input: Input;
  readonly event: Event;
}

export type Call = RequestCall | StreamCall;

/** Calls in groups, as `studio.images.search(...)` is written. */
export type CallTree = Readonly<Record<string, Readonly<Record<string, Call>>>>;

/** A call that is answered once; its input and output as schemas. */
export function request<Input extends z.ZodType, Output extends z.ZodType>(
  input: Input,
  output: Output,
): RequestCall<Input, Output> {
  return { kind: 'request', input, output };
}

/** A request that changes the library. */
export function change<Input extends z.ZodType, Output extends z.ZodType>(
  input: Input,
  output: Output,
): RequestCall<Input, Output> {
  return { ...request(input, output), changes: true };
}

/** A call that is followed; its input and each event as schemas. */
export function stream<Input extends z.ZodType, Event extends z.ZodType>(
  input: Input,
  event: Event,
): StreamCall<Input, Event> {
  return { kind: 'stream', input, event };
}

/** The wire name of every call in a tree, with the call: what hosts loop over. */
export function namedCalls(tree: CallTree): ReadonlyMap<string, Call> {
  return new Map(
    Object.entries(tree).flatMap(([group, members]) =>
      Object.entries(members).map(([member, call]) => [`${group}.${member}`, call] as const),
    ),
  );
}
