import type { Rule } from '../rule.ts';
import { activations } from './activations.ts';
import { arithmetic } from './arithmetic.ts';
import { arrangement } from './arrangement.ts';
import { convolution } from './convolution.ts';
import { einsum } from './einsum.ts';
import { indexing } from './indexing.ts';
import { matrices } from './matrices.ts';
import { normalization } from './normalization.ts';
import { pooling } from './pooling.ts';
import { reductions } from './reductions.ts';
import { resize } from './resize.ts';
import { softmax } from './softmax.ts';

/** The chain rule of every operator of ai.onnx that gradients flow through, by its name. */
export const rules: Readonly<Record<string, Rule>> = {
  ...arithmetic,
  ...activations,
  ...softmax,
  ...matrices,
  ...einsum,
  ...convolution,
  ...pooling,
  ...normalization,
  ...reductions,
  ...resize,
  ...arrangement,
  ...indexing,
};
