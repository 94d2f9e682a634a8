/**
 * The share of a run that lies below a noise level, from 1 at the first level to 0 at the last: the `time` of methods that are
 * stated in steps. Between levels it is that of the next lower one.
 */
export function timeOfSigma(sigmas: readonly number[]): (sigma: number) => number {
  const stepCount = sigmas.length - 1;
  return (sigma) => {
    const passed = sigmas.findIndex((level) => level <= sigma);
    return passed === -1 ? 0 : 1 - passed / stepCount;
  };
}
