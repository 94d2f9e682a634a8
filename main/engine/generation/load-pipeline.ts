import { sourceAtFloat32 } from '../runtime/at-float32.ts';
import type { ModelSession, ModelSource } from '../runtime/session.ts';
import type { Sessions } from '../runtime/sessions.ts';
import type { DiffusionModel } from './diffusion-model.ts';

/** The open sessions of one model. */
export interface Pipeline {
  readonly textEncoder: ModelSession;
  readonly unet: ModelSession;
  readonly vaeDecoder: ModelSession;
  /** Opened when an image is to be encoded. */
  readonly vaeEncoder: () => Promise<ModelSession>;
  /** The decoder at float32, for when it overflows; null when it is that already. */
  readonly decoderAtFloat32: () => Promise<ModelSession | null>;
}

/** Opens what every generation needs. */
export async function loadPipeline(
  { files }: DiffusionModel,
  sessions: Sessions,
  provider: string | null,
): Promise<Pipeline> {
  const open = (path: string): Promise<ModelSession> => sessions.open(fileSource(path), provider);
  return {
    textEncoder: await open(files.textEncoder),
    unet: await open(files.unet),
    vaeDecoder: await open(files.vaeDecoder),
    vaeEncoder: () => {
      if (files.vaeEncoder === null) throw new RangeError('vae encoder: the package has none');
      return open(files.vaeEncoder);
    },
    decoderAtFloat32: async () => {
      const source = sourceAtFloat32(files.vaeDecoder);
      return source === null ? null : sessions.open(source, provider);
    },
  };
}

function fileSource(path: string): ModelSource {
  return { kind: 'file', path };
}
