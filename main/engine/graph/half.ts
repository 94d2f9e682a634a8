/** Every IEEE half there is: files hold millions of them, and looking one up costs a tenth of working it out. */
const halves = Float32Array.from({ length: 65536 }, (_, bits) => numberOfHalf(bits));

/** The number that the 16 bits of an IEEE half mean. */
export function fromHalf(bits: number): number {
  return halves[bits & 0xffff] ?? NaN;
}

/** The numbers that many halves mean; a plain loop, a tenth of what a call for each costs where they are read once. */
export function fromHalves(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const values = new Float32Array(bits.length);
  for (let index = 0; index < values.length; index += 1) values[index] = halves[bits[index] ?? 0] ?? NaN;
  return values;
}

function numberOfHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The IEEE half nearest to a number, ties to even; beyond its range infinity. */
export function toHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude >= 65520) return sign | 0x7c00;
  if (magnitude < 2 ** -14) return sign | roundToEven(magnitude * 2 ** 24);
  const exponent = Math.floor(Math.log2(magnitude));
  // A fraction that rounds up to 1024 carries into the exponent by itself.
  return sign + ((exponent + 15) << 10) + roundToEven((magnitude / 2 ** exponent - 1) * 1024);
}

/** The bfloat16 nearest to a number, ties to even: the upper half of a float32. */
export function toBrain(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** The number that the 16 bits of a bfloat16 mean. */
export function fromBrain(bits: number): number {
  return new Float32Array(Uint32Array.of(bits << 16).buffer)[0] ?? 0;
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
