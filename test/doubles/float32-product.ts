import type { BlockProduct } from '../../main/engine/features/distances.ts';

/** A matrix product that rounds to float32 after every step, as bad as a real one may be. */
export const float32Product: BlockProduct = async (rows, rowCount, columns, columnCount, width) => {
  const product = new Float32Array(rowCount * columnCount);
  for (let i = 0; i < rowCount; i++)
    for (let j = 0; j < columnCount; j++) {
      let sum = 0;
      for (let at = 0; at < width; at++)
        sum = Math.fround(sum + Math.fround((rows[i * width + at] ?? 0) * (columns[j * width + at] ?? 0)));
      product[i * columnCount + j] = sum;
    }
  return product;
};
