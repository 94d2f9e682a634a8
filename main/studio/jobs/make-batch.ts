import type { FailureRecord } from '../../contract/failures.ts';
import type { ImageRecord } from '../../contract/images.ts';
import type { BatchCost, Measure } from '../../contract/measures.ts';
import type { GenerationSettings } from '../../contract/settings.ts';
import type { PictureFeatures } from '../../library/appearance.ts';

/** An interleaved RGB picture, 8 bits a channel. */
export interface MadePicture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/** What happens while a job's images are made; generation's own events fit as they are. */
export type MakeEvent =
  | { readonly kind: 'started'; readonly notes: readonly string[] }
  | {
      readonly kind: 'step';
      readonly step: number;
      readonly stepCount: number;
      /** Until everything asked for is made. */
      readonly secondsLeft: number;
    }
  | { readonly kind: 'preview'; readonly index: number; readonly step: number; readonly picture: MadePicture }
  /** A candidate. One that is not kept (refused by reweighting, or beyond the count) is stored for a rescue. */
  | {
      readonly kind: 'image';
      readonly index: number;
      readonly picture: MadePicture;
      readonly record: ImageRecord;
      /** As the record's reweighting says, unless given. */
      readonly rejected?: boolean;
      /** What likeness is judged by, where the model could see its picture. */
      readonly features?: PictureFeatures;
    }
  | { readonly kind: 'image-failed'; readonly index: number; readonly failure: FailureRecord }
  | { readonly kind: 'note'; readonly message: string }
  /** Why a batch ended with fewer images than asked (the limit of attempts), if it did. */
  | { readonly kind: 'finished'; readonly cost: BatchCost; readonly shortfall?: string };

export interface MakeOptions {
  /** Id of the batch, to be written into the records. */
  readonly batch: string;
  /** Indices of candidates that are in the library already, by an earlier run of the same job. */
  readonly made: { readonly kept: readonly number[]; readonly rejected: readonly number[] };
  readonly signal: AbortSignal;
  readonly previews: boolean;
}

/** Makes what is missing of a batch. Long work as an async generator; the queue stores the images. */
export type MakeBatch = (settings: GenerationSettings, options: MakeOptions) => AsyncIterable<MakeEvent>;

/** Measures a finished batch in the library; called once, when its images are there. */
export type MeasureBatch = (
  batch: string,
  settings: GenerationSettings,
  signal: AbortSignal,
) => Promise<readonly Measure[]>;
