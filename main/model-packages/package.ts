import type { DiffusionModel } from '../engine/generation/diffusion-model.ts';
import type { GamutCard } from './gamut-card.ts';
import type { PromptReader } from './prompt.ts';

/** A model on disk, checked and parsed once: everything the application needs to know of it. */
export interface ModelPackage {
  readonly id: string;
  readonly folder: string;
  readonly builtIn: boolean;
  /** What `gamut.json` says of it; empty where there is none. */
  readonly card: GamutCard;
  /** Pipeline class of `model_index.json`. */
  readonly pipeline: string;
  /** What the engine runs: files, latent space, noise schedule. */
  readonly model: DiffusionModel;
  readonly readPrompt: PromptReader;
  /** Type of most of the denoiser's weights, as files record it. */
  readonly precision: string;
  /** The ONNX files and their external data: text encoder, U-Net, decoder, encoder. */
  readonly weightFiles: readonly string[];
  /** Bytes of all weight files. */
  readonly bytes: number;
  /** Own size in pixels, what sides must be a multiple of, and whether no other size is possible. */
  readonly size: { readonly width: number; readonly height: number; readonly step: number; readonly fixed: boolean };
  /** Anything filled in by family because the package does not say it. */
  readonly notes: readonly string[];
}

/** Where packages are looked for. */
export interface ModelFolders {
  /** Models that come with the application. */
  readonly builtIn: string;
  /** Models the person added. */
  readonly user: string;
  /** Packages opened so far, by folder, with the state of the files they were read from; absent: nothing is kept. */
  readonly opened?: Map<string, { readonly state: string; readonly modelPackage: ModelPackage }>;
}
