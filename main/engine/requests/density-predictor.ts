import type { DensityPredictor } from '../features/density-predictor.ts';
import type { Features } from '../features/features.ts';
import { trainDensityPredictor } from '../features/train-density-predictor.ts';
import type { Handler } from '../protocol.ts';
import { philoxStream } from '../tensor/philox.ts';

export interface PredictorRequest {
  readonly references: Features;
  /** Of the references, self excluded. */
  readonly densities: Float64Array;
  readonly hidden: readonly number[];
  readonly epochs: number;
}

export type PredictorEvent =
  | { readonly kind: 'progress'; readonly done: number; readonly all: number }
  | {
      readonly kind: 'trained';
      /** The best on the fifth of the references that was held out. */
      readonly predictor: DensityPredictor;
      /** Share of the held-out densities' variance that it explains; 0 or less: no better than saying the mean. */
      readonly explained: number;
    };

/** Learns pseudo densities from references; the same references give the same network. */
export const densityPredictor: Handler<PredictorRequest, PredictorEvent> = async function* (
  { references, densities, hidden, epochs },
  { signal },
) {
  const stream = philoxStream(0, 0, 'training');
  let best: Extract<PredictorEvent, { kind: 'trained' }> | undefined;
  for await (const epoch of trainDensityPredictor(references, densities, stream, { hidden, epochs, signal })) {
    const explained = 1 - epoch.heldOutError / epoch.heldOutVariance;
    if (best === undefined || explained > best.explained)
      best = { kind: 'trained', predictor: epoch.predictor, explained };
    yield { kind: 'progress', done: epoch.epoch, all: epochs };
  }
  if (best !== undefined) yield best;
};
