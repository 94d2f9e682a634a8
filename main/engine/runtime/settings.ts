import { availableParallelism } from 'node:os';

/** How sessions use the machine. Chosen by measurement: `npm run bench -- generation` prints the table. */
export interface RuntimeSettings {
  readonly threads: number;
  readonly executionMode: 'sequential' | 'parallel';
  readonly arena: boolean;
  readonly memoryPattern: boolean;
  readonly graphOptimization: 'disabled' | 'basic' | 'extended' | 'all';
  /** Whether idle threads of the pool spin for a while: burns a core for little. */
  readonly spinning: boolean;
}

/**
 * The settings that won on the CPU. Without spinning a call takes as long on a quiet machine, a quarter less on a busy one,
 * and leaves more of the processors to everybody else; the other switches make no difference beyond the noise.
 */
export function defaultRuntimeSettings(): RuntimeSettings {
  return {
    threads: availableParallelism(),
    executionMode: 'sequential',
    arena: true,
    memoryPattern: true,
    graphOptimization: 'all',
    spinning: false,
  };
}
