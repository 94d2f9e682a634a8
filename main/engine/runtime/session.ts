import type { ProviderReport } from '../../contract/images.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** One input or output as the model declares it; a dim is a number, or the name of a free one. */
export interface Declaration {
  readonly name: string;
  readonly type: string;
  readonly dims: readonly (number | string)[];
}

/** What an input may be given as; the session converts it to the type and rank that the model declares. */
export interface Feed {
  readonly dims: readonly number[];
  readonly data: Float32Array | Float64Array | Int32Array | BigInt64Array | readonly number[];
}

/** A loaded model. One call at a time; a call blocks the engine's thread until it is done. */
export interface ModelSession {
  /** For messages: the file, or the name given to a model from memory. */
  readonly name: string;
  readonly inputs: readonly Declaration[];
  readonly outputs: readonly Declaration[];
  readonly provider: ProviderReport;
  /** What was spent in the runtime itself so far. */
  readonly cost: { readonly calls: number; readonly seconds: number };
  /**
   * @param feeds by input name; floats for float inputs, whole numbers for integer ones
   * @param wanted names of the outputs to compute; all when absent
   * @param signal aborted: the call is not made
   * @returns outputs by name, as float32
   * @throws Failure `bad-input` naming model, input, expected and given type and dims
   */
  run(
    feeds: Readonly<Record<string, Feed>>,
    wanted?: readonly string[],
    signal?: AbortSignal,
  ): Promise<Readonly<Record<string, Tensor<Float32Array>>>>;
}

/** Where a model comes from. A model in memory brings its external data along. */
export type ModelSource =
  | MadeSource
  | {
      /** Made of a file, for example its gradient graph. */
      readonly kind: 'derived';
      /** What is made of it: with the file it names the session. */
      readonly name: string;
      readonly path: string;
      /** Called when no session of it is open. */
      readonly make: () => MadeSource;
    };

export type MadeSource =
  | { readonly kind: 'file'; readonly path: string }
  | {
      readonly kind: 'bytes';
      /** Unique for its content: two requests with one name share the session. */
      readonly name: string;
      readonly bytes: Uint8Array;
      readonly externalData?: readonly { readonly path: string; readonly data: Uint8Array }[];
    };
