import type { Tensor } from '../tensor/tensor.ts';

/** How a picture too large for one call is cut: sides and overlap in units of the input. */
export interface Tiling {
  readonly tile: number;
  readonly overlap: number;
}

/** Starts of tiles that cover `length`, each `tile` long, neighbours sharing at least `overlap`. */
export function tileStarts(length: number, { tile, overlap }: Tiling): number[] {
  if (length <= tile) return [0];
  const count = Math.ceil((length - overlap) / (tile - overlap));
  return Array.from({ length: count }, (_, at) => Math.round((at * (length - tile)) / (count - 1)));
}

/**
 * Applies a map of pictures tile by tile and blends the overlaps with weights that rise linearly from each tile's edge, so
 * that no seam shows.
 *
 * @param x [1, C, h, w]
 * @param scale output values for each input value along a side (8 decodes, 1/8 encodes)
 * @param map [1, C, th, tw] → [1, D, th · scale, tw · scale]
 * @returns [1, D, h · scale, w · scale]
 */
export async function mapTiles(
  x: Tensor,
  tiling: Tiling,
  scale: number,
  map: (tile: Tensor) => Promise<Tensor>,
): Promise<Tensor<Float32Array>> {
  const [, , height = 0, width = 0] = x.dims;
  const tileHeight = Math.min(tiling.tile, height);
  const tileWidth = Math.min(tiling.tile, width);
  const outHeight = height * scale;
  const outWidth = width * scale;
  let sum: Float32Array | undefined;
  let channels = 0;
  const weights = new Float32Array(outHeight * outWidth);
  for (const top of tileStarts(height, tiling)) {
    for (const left of tileStarts(width, tiling)) {
      const out = await map(crop(x, top, left, tileHeight, tileWidth));
      const [, outChannels = 0, h = 0, w = 0] = out.dims;
      sum ??= new Float32Array(outChannels * outHeight * outWidth);
      channels = outChannels;
      const rise = tiling.overlap * scale;
      for (let row = 0; row < h; row++) {
        for (let column = 0; column < w; column++) {
          const weight = ramp(row, h, rise) * ramp(column, w, rise);
          const at = (top * scale + row) * outWidth + left * scale + column;
          weights[at] = (weights[at] ?? 0) + weight;
          for (let channel = 0; channel < outChannels; channel++) {
            const to = channel * outHeight * outWidth + at;
            sum[to] = (sum[to] ?? 0) + weight * (out.data[(channel * h + row) * w + column] ?? 0);
          }
        }
      }
    }
  }
  const data = sum ?? new Float32Array();
  for (let at = 0; at < data.length; at++) data[at] = (data[at] ?? 0) / (weights[at % weights.length] ?? 1);
  return { dims: [1, channels, outHeight, outWidth], data };
}

/** 1 in the middle of a tile, falling to almost nothing at its edges. */
function ramp(at: number, length: number, rise: number): number {
  return Math.min(1, (Math.min(at, length - 1 - at) + 0.5) / Math.max(1, rise));
}

function crop(x: Tensor, top: number, left: number, height: number, width: number): Tensor<Float32Array> {
  const [, channels = 0, h = 0, w = 0] = x.dims;
  const data = new Float32Array(channels * height * width);
  for (let channel = 0; channel < channels; channel++) {
    for (let row = 0; row < height; row++) {
      const from = (channel * h + top + row) * w + left;
      data.set(x.data.subarray(from, from + width), (channel * height + row) * width);
    }
  }
  return { dims: [1, channels, height, width], data };
}
