import type { z } from 'zod';
import { Failure } from '../failures.ts';
import type { Call, CallTree, RequestCall, StreamCall } from './call.ts';
import type { Outcome, Signal } from './wire.ts';

/** How messages travel: through the preload in the desktop window, through a socket in a browser. */
export interface Transport {
  readonly request: (name: string, input: unknown) => Promise<Outcome>;
  /** Follows a stream; the returned function lets go of it. */
  readonly open: (name: string, input: unknown, listener: (signal: Signal) => void) => () => void;
}

/** Who follows a stream. `onEnd` comes once: with a failure, or without when the stream simply ended. */
export interface Follower<Event> {
  readonly onEvent: (event: Event) => void;
  readonly onEnd: (failure: Failure | null) => void;
}

export type ClientCall<C extends Call> =
  C extends RequestCall<infer Input, infer Output>
    ? (input: z.input<Input>) => Promise<z.output<Output>>
    : C extends StreamCall<infer Input, infer Event>
      ? (input: z.input<Input>, follower: Follower<z.output<Event>>) => () => void
      : never;

/** The same tree as the registry, each call a function. */
export type Client<Tree extends CallTree> = {
  readonly [Group in keyof Tree]: { readonly [Member in keyof Tree[Group]]: ClientCall<Tree[Group][Member]> };
};

function requestThrough(transport: Transport, name: string) {
  return async (input: unknown): Promise<unknown> => {
    const outcome = await transport.request(name, input);
    if ('failure' in outcome) throw Failure.fromRecord(outcome.failure);
    return outcome.value;
  };
}

function streamThrough(transport: Transport, name: string) {
  return (input: unknown, follower: Follower<unknown>): (() => void) =>
    transport.open(name, input, (signal) => {
      if ('event' in signal) follower.onEvent(signal.event);
      else follower.onEnd('failure' in signal ? Failure.fromRecord(signal.failure) : null);
    });
}

/** The typed client of a registry. The host has already checked what it sends, so nothing is parsed again here. */
export function clientOf<Tree extends CallTree>(tree: Tree, transport: Transport): Client<Tree> {
  const groups = Object.entries(tree).map(([group, members]) => [
    group,
    Object.fromEntries(
      Object.entries(members).map(([member, call]) => [
        member,
        (call.kind === 'request' ? requestThrough : streamThrough)(transport, `${group}.${member}`),
      ]),
    ),
  ]);
  return Object.fromEntries(groups) as Client<Tree>;
}
