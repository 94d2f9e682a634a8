import type { Command } from 'commander';
import { density } from './density.ts';

/** Adds one command to the program. */
export type Register = (program: Command) => void;

/** Every command, in the order the help shows them. */
export const commands: readonly Register[] = [density];
