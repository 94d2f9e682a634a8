import type { SamplerName } from '../../contract/settings.ts';

/**
 * A latent diffusion model as the engine runs it: plain data, so that it travels to the engine's process. Made by
 * `model-packages`, which has read and checked the files.
 *
 * Door: a second text encoder (SDXL), a transformer in place of the U-Net (SD3, Flux) and packed latents (Flux) become
 * new alternatives of `kind`, each with its own `network-*.ts` beside `unet-network.ts`.
 */
export interface DiffusionModel {
  readonly kind: 'text-unet-vae';
  /** Absolute paths of ONNX files. */
  readonly files: {
    readonly textEncoder: string;
    readonly unet: string;
    readonly vaeDecoder: string;
    /** null: the package cannot start from an image. */
    readonly vaeEncoder: string | null;
  };
  readonly latent: LatentSpace;
  /** `scheduler_config.json` as it is on disk. */
  readonly scheduler: Readonly<Record<string, unknown>>;
  /** The sampler its makers recommend in place of that scheduler's own. */
  readonly recommended?: { readonly sampler: SamplerName; readonly eta?: number };
}

/** How latents relate to the autoencoder's code: latent = (code − shiftFactor) · scalingFactor. */
export interface LatentSpace {
  readonly channels: number;
  /** Pixels for each latent value along a side. */
  readonly downscale: number;
  readonly scalingFactor: number;
  readonly shiftFactor: number;
}
