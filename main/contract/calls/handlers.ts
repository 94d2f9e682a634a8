import type { z } from 'zod';
import { Failure, failureFromZod, toFailure } from '../failures.ts';
import { namedCalls, type Call, type CallTree, type RequestCall, type StreamCall } from './call.ts';
import type { Outcome, Signal } from './wire.ts';

export type Handler<C extends Call> =
  C extends RequestCall<infer Input, infer Output>
    ? (input: z.output<Input>) => Promise<z.input<Output>>
    : C extends StreamCall<infer Input, infer Event>
      ? (input: z.output<Input>, signal: AbortSignal) => AsyncIterable<z.input<Event>>
      : never;

/** What a host runs: one function for every call of the registry. */
export type Handlers<Tree extends CallTree> = {
  readonly [Group in keyof Tree]: { readonly [Member in keyof Tree[Group]]: Handler<Tree[Group][Member]> };
};

/** Answers calls by name. Input is checked before, output after; whatever goes wrong comes back as data. */
export interface Answerer {
  readonly answer: (name: string, input: unknown) => Promise<Outcome>;
  /** Ends with `{end}` or `{failure}`; nothing comes after the signal is aborted. */
  readonly follow: (name: string, input: unknown, signal: AbortSignal) => AsyncGenerator<Signal>;
  readonly kindOf: (name: string) => Call['kind'] | undefined;
}

/**
 * The same handlers, but what changes the library is answered only when `kept` has resolved: a window that was told so can
 * rely on it. Where `kept` fails, the call does.
 */
export function answeredWhenKept<Tree extends CallTree>(
  tree: Tree,
  handlers: Handlers<Tree>,
  kept: () => Promise<void>,
): Handlers<Tree> {
  const groups = Object.entries(handlers).map(([group, members]) => {
    const waiting = Object.entries(members as Readonly<Record<string, AnyHandler>>).map(([member, handler]) => {
      const call = tree[group]?.[member];
      if (call?.kind !== 'request' || call.changes !== true) return [member, handler] as const;
      const waits: AnyHandler = async (input) => {
        const answer = await handler(input);
        await kept();
        return answer;
      };
      return [member, waits] as const;
    });
    return [group, Object.fromEntries(waiting)] as const;
  });
  return Object.fromEntries(groups) as Handlers<Tree>; // the same names; each function takes and gives the same
}

type AnyHandler = (input: unknown, signal?: AbortSignal) => Promise<unknown> | AsyncIterable<unknown>;

function parseInput(call: Call, name: string, input: unknown): unknown {
  const parsed = call.input.safeParse(input);
  if (!parsed.success) throw failureFromZod(parsed.error, name, input);
  return parsed.data;
}

function parseResult(schema: z.ZodType, name: string, value: unknown): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Failure(
    'internal',
    `${name} made something else than it promised: ${failureFromZod(parsed.error).message}`,
  );
}

/** Joins a registry and its handlers; the one place where a window's message meets the studio. */
export function answererOf<Tree extends CallTree>(tree: Tree, handlers: Handlers<Tree>): Answerer {
  const calls = namedCalls(tree);
  const lookUp = <K extends Call['kind']>(name: string, kind: K): [Extract<Call, { kind: K }>, AnyHandler] => {
    const call = calls.get(name);
    if (call?.kind !== kind) throw new Failure('bad-input', `There is no ${kind} called '${name}'.`, name);
    const [group = '', member = ''] = name.split('.');
    // The registry holds the name, so the handlers' type guarantees the function.
    const handler = (handlers as Readonly<Record<string, Readonly<Record<string, AnyHandler>>>>)[group]?.[member];
    if (handler === undefined) throw new Failure('internal', `Nothing handles '${name}'.`, name);
    return [call as Extract<Call, { kind: K }>, handler];
  };
  return {
    kindOf: (name) => calls.get(name)?.kind,
    async answer(name, input) {
      try {
        const [call, handler] = lookUp(name, 'request');
        const value = await handler(parseInput(call, name, input));
        return { value: parseResult(call.output, name, value) };
      } catch (error) {
        return { failure: toFailure(error).toRecord() };
      }
    },
    async *follow(name, input, signal) {
      try {
        const [call, handler] = lookUp(name, 'stream');
        const events = handler(parseInput(call, name, input), signal) as AsyncIterable<unknown>;
        for await (const event of events) {
          if (signal.aborted) return;
          yield { event: parseResult(call.event, name, event) };
        }
        yield { end: true };
      } catch (error) {
        if (!signal.aborted) yield { failure: toFailure(error).toRecord() };
      }
    },
  };
}
