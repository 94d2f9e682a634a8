import type { FailureRecord } from '../../contract/failures.ts';
import type { ProviderReport } from '../../contract/images.ts';
import type { GenerationSettings } from '../../contract/settings.ts';
import type { DiffusionModel } from './diffusion-model.ts';

/** A prompt as rows of token ids, each as long as the text encoder's window. */
export type TokenWindows = readonly (readonly number[])[];

/** Pictures travel as interleaved 8-bit RGB, row by row. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/** Everything the engine needs to make the images of `indices`. Plain data. */
export interface GenerationInput {
  readonly model: DiffusionModel;
  /** The weaker model of autoguidance, with the prompt as its own tokenizer reads it; null: none. */
  readonly guiding: { readonly model: DiffusionModel; readonly prompt: TokenWindows } | null;
  /** An explicit choice of execution provider; null takes the best that works. */
  readonly provider: string | null;
  readonly prompt: TokenWindows;
  readonly negative: TokenWindows;
  /** The prompt of nothing: fills up the shorter of the two. */
  readonly empty: TokenWindows;
  /** Its width and height are settled: pixels that the model can make. */
  readonly settings: GenerationSettings;
  readonly width: number;
  readonly height: number;
  /** Positions within the batch's stream of candidates: with the seed each decides its image's noise. */
  readonly indices: readonly number[];
  /** Where image-to-image starts, of the size asked for; null: from noise. */
  readonly start: Picture | null;
  /** Whether previews are wanted. */
  readonly previews: boolean;
  /**
   * A look at each batch after this share of its steps: its denoised estimates are decoded and shown, and it waits for a
   * `verdict` request with the ticket that says which images to give up. Absent: none.
   */
  readonly look?: { readonly ticket: string; readonly share: number };
}

/** What generation announces. `indices` names the images in flight. */
export type GenerationEvent =
  | {
      readonly kind: 'started';
      readonly provider: ProviderReport;
      readonly sampler: string;
      readonly stepCount: number;
    }
  | {
      readonly kind: 'step';
      readonly indices: readonly number[];
      readonly step: number;
      readonly stepCount: number;
      /** Calls of any model since the start. */
      readonly modelCalls: number;
    }
  /** A look: the generation waits for its verdict. */
  | {
      readonly kind: 'estimates';
      readonly step: number;
      readonly stepCount: number;
      readonly estimates: readonly { readonly index: number; readonly picture: Picture }[];
    }
  | { readonly kind: 'preview'; readonly index: number; readonly step: number; readonly picture: Picture }
  | {
      readonly kind: 'image';
      readonly index: number;
      readonly picture: Picture;
      /** Anything that was not as asked, in words. */
      readonly notes: readonly string[];
    }
  | { readonly kind: 'image-failed'; readonly index: number; readonly failure: FailureRecord }
  /** Last: calls of any model, and the seconds they took in the runtime itself. */
  | { readonly kind: 'cost'; readonly modelCalls: number; readonly modelSeconds: number };
