import { calibrate } from './calibrate.ts';
import { density } from './density.ts';
import { differentiate } from './differentiate.ts';
import { doctor } from './doctor.ts';
import { generate } from './generate.ts';
import { library } from './library.ts';
import { likelihood } from './likelihood.ts';
import { measureGuidance } from './measure-guidance.ts';
import { measure } from './measure.ts';
import { models } from './models.ts';
import { nudge } from './nudge.ts';
import type { Register } from './register.ts';
import { select } from './select.ts';
import { serve } from './serve.ts';

/** Every command, in the order the help shows them. */
export const commands: readonly Register[] = [
  generate,
  density,
  measure,
  measureGuidance,
  select,
  calibrate,
  models,
  library,
  likelihood,
  nudge,
  differentiate,
  doctor,
  serve,
];
