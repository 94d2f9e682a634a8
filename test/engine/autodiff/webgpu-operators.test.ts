import { expect, it } from 'vitest';
import { differentiate } from '../../../main/engine/autodiff/differentiate.ts';
import { decode } from '../../../main/engine/graph/decode.ts';
import { bytesOf } from '../../doubles/raw-session.ts';
import { storedCases } from './stored-cases.ts';

/** The kernels of ai.onnx that ONNX Runtime 1.30 has for WebGPU, as far as gradients use them. */
const kernels = new Set(
  `Abs Acos Acosh Add And Asin Asinh Atan Atanh AveragePool BatchNormalization Cast Ceil Clip Concat Conv ConvTranspose
  Cos Cosh CumSum DepthToSpace Div Einsum Elu Equal Erf Exp Expand Floor Gather GatherElements GatherND Gelu Gemm
  GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual HardSigmoid HardSwish Identity InstanceNormalization
  LayerNormalization LeakyRelu Less LessOrEqual Log MatMul Max MaxPool Min Mul Neg Not Pad Pow PRelu Range Reciprocal
  ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu
  Reshape Resize RMSNormalization ScatterElements ScatterND Shape Sigmoid Sin Sinh Slice Softmax Softplus Split Sqrt
  Squeeze Sub Tan Tanh Tile TopK Transpose Trilu Unsqueeze Where`.split(/\s+/),
);
/** Works on shapes, a few whole numbers that stay with the CPU on every provider. */
const ofShapes = new Set(['NonZero']);

it('gradients are made of operators that WebGPU has kernels of', () => {
  const stored = storedCases('operators.json');
  const strangers = new Map<string, string>();
  for (const { name, model, gradients } of stored) {
    const forward = decode(bytesOf(model));
    const own = new Set(forward.graph.nodes.map(({ operator }) => operator));
    const request = { output: 'y', cotangent: 'dy', withRespectTo: Object.keys(gradients) };
    for (const { operator } of differentiate(forward, request).graph.nodes)
      if (!own.has(operator) && !kernels.has(operator) && !ofShapes.has(operator)) strangers.set(operator, name);
  }
  expect([...strangers]).toEqual([]);
  expect(stored.length).toBeGreaterThan(300);
});
