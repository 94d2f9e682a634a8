import { encode } from '../graph/encode.ts';
import type { Sessions } from '../runtime/sessions.ts';
import type { BlockProduct } from './distances.ts';

/** rows [N, D] · columnsᵀ [M, D] as an ONNX model of one node. */
function productModel(): Uint8Array {
  const matrix = (name: string, dims: string[]) => ({ name, elementType: 'float32' as const, dims });
  return encode({
    irVersion: 9,
    opsets: { '': 17 },
    producer: 'gamut',
    metadata: {},
    graph: {
      name: 'matrix product',
      inputs: [matrix('rows', ['N', 'D']), matrix('columns', ['M', 'D'])],
      outputs: [matrix('product', ['N', 'M'])],
      initializers: new Map(),
      declarations: new Map(),
      nodes: [
        {
          name: 'product',
          operator: 'Gemm',
          domain: '',
          inputs: ['rows', 'columns'],
          outputs: ['product'],
          attributes: { transB: { kind: 'int', value: 1 } },
        },
      ],
    },
  });
}

/**
 * Matrix products by ONNX Runtime, always on the CPU: accelerators may round to fewer digits than float32 promises, and
 * the neighbours' error bound counts on them.
 */
export async function matrixProduct(sessions: Sessions): Promise<BlockProduct> {
  const session = await sessions.open({ kind: 'bytes', name: 'matrix product', bytes: productModel() }, 'cpu');
  return async (rows, rowCount, columns, columnCount, width) => {
    const { product } = await session.run({
      rows: { dims: [rowCount, width], data: rows },
      columns: { dims: [columnCount, width], data: columns },
    });
    if (product === undefined) throw new RangeError('matrix product: expected an output named product');
    return product.data;
  };
}

/** Multiplications from which a product by ONNX Runtime is worth its session; below, plain loops are at once there. */
const worthwhile = 2e8;

/** The product for a comparison of this size, or null where direct distances are as fast (and need no rounding). */
export async function productFor(
  sessions: Sessions,
  rows: number,
  columns: number,
  width: number,
): Promise<BlockProduct | null> {
  return rows * columns * width > worthwhile ? matrixProduct(sessions) : null;
}
