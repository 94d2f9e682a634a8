/** The element types of the ONNX schema: our name, the code on disk, and how many bits one element takes. */
const table = [
  ['float32', 1, 32],
  ['uint8', 2, 8],
  ['int8', 3, 8],
  ['uint16', 4, 16],
  ['int16', 5, 16],
  ['int32', 6, 32],
  ['int64', 7, 64],
  ['string', 8, 0],
  ['bool', 9, 8],
  ['float16', 10, 16],
  ['float64', 11, 64],
  ['uint32', 12, 32],
  ['uint64', 13, 64],
  ['complex64', 14, 64],
  ['complex128', 15, 128],
  ['bfloat16', 16, 16],
  ['float8e4m3fn', 17, 8],
  ['float8e4m3fnuz', 18, 8],
  ['float8e5m2', 19, 8],
  ['float8e5m2fnuz', 20, 8],
  ['uint4', 21, 4],
  ['int4', 22, 4],
  ['float4e2m1', 23, 4],
] as const;

/** The type of a tensor's elements. */
export type ElementType = (typeof table)[number][0];

const byCode = new Map<number, ElementType>(table.map(([name, code]) => [code, name]));
const byName = new Map<ElementType, { readonly code: number; readonly bits: number }>(
  table.map(([name, code, bits]) => [name, { code, bits }]),
);

/** The element type of a code in the file, or undefined for a code that is not known here. */
export function elementTypeOf(code: number): ElementType | undefined {
  return byCode.get(code);
}

/** The code that the file uses for an element type. */
export function codeOf(type: ElementType): number {
  return byName.get(type)?.code ?? 0;
}

/** Bytes that `count` elements take; 4-bit elements are packed two to a byte. Strings have no fixed size: 0. */
export function byteLengthOf(type: ElementType, count: number): number {
  return Math.ceil(((byName.get(type)?.bits ?? 0) * count) / 8);
}

const floats: ReadonlySet<string> = new Set(['float16', 'bfloat16', 'float32', 'float64']);
const integers: ReadonlySet<string> = new Set([
  'int8',
  'int16',
  'int32',
  'int64',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
]);

/** Whether gradients flow through values of this type. */
export function isFloat(type: ElementType): boolean {
  return floats.has(type);
}

/** Whole numbers with their own JavaScript typed array. */
export function isInteger(type: ElementType): boolean {
  return integers.has(type);
}
