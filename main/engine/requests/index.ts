import type { Handler } from '../protocol.ts';
import { about } from './about.ts';
import { generate } from './generate.ts';
import { densityPredictor } from './density-predictor.ts';
import { encode } from './encode.ts';
import { likelihood } from './likelihood.ts';
import { measure } from './measure.ts';
import { nudge } from './nudge.ts';
import { probeProviders } from './probe-providers.ts';
import { pseudoDensitiesRequest } from './pseudo-densities.ts';
import { verdict } from './verdict.ts';

/** Every request the engine's process answers: kind → handler. */
export const handlers = {
  about,
  densityPredictor,
  generate,
  encode,
  likelihood,
  measure,
  nudge,
  probeProviders,
  pseudoDensities: pseudoDensitiesRequest,
  verdict,
} satisfies Record<string, Handler<never, unknown>>;

type Handlers = typeof handlers;
export type RequestKind = keyof Handlers;
export type InputOf<Kind extends RequestKind> = Parameters<Handlers[Kind]>[0];
export type EventOf<Kind extends RequestKind> = Handlers[Kind] extends Handler<never, infer Event> ? Event : never;
