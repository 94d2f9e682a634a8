import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  conformanceCaseSchema,
  scheduleCaseSchema,
  type ConformanceCase,
} from '../../../main/engine/diffusion/conformance-cases.ts';
import { absSum, checkConformanceCase, runConformanceCase } from '../../../main/engine/diffusion/conformance.ts';
import { checkScheduleCase, listedSigmas } from '../../../main/engine/diffusion/conformance-schedule.ts';
import { planSampling } from '../../../main/engine/diffusion/sampling-plan.ts';
import { parseSchedulerConfig } from '../../../main/engine/diffusion/scheduler-config.ts';
import ownCases from '../../reference/schedulers/cases.json' with { type: 'json' };
import suite from '../../reference/schedulers/suite.json' with { type: 'json' };
import json from '../../reference/conformance/diffusers-schedulers.json' with { type: 'json' };

/** Figures of the file that the runner does not read, but the tests do. */
interface Details {
  readonly first4Float64: readonly number[];
  readonly absSumAfterEachStepFloat64: readonly number[];
  readonly sigmasFloat64?: readonly number[];
  readonly initNoiseSigma?: number;
}

const cases = z.array(conformanceCaseSchema).parse(json.cases) as (ConformanceCase & Details)[];
const scheduleCases = z.array(scheduleCaseSchema).parse(json.scheduleCases);

const relative = (expected: number, got: number | undefined): number =>
  Math.abs(expected - (got ?? NaN)) / Math.max(Math.abs(expected), 1e-300);

describe('scheduler conformance', () => {
  it('has the cases it is about', () => {
    expect([cases.length, scheduleCases.length]).toEqual([58, 4]);
  });

  it.each(cases)('$id: the sum of the final sample', async (given) => {
    expect(await checkConformanceCase(given)).toMatchObject({ pass: true });
  });

  it.each(scheduleCases)('$id: $quantity', (given) => {
    expect(checkScheduleCase(given)).toMatchObject({ pass: true });
  });

  it.each(cases)('$id: the first values, and the sums after every step', async (given) => {
    const sums: number[] = [];
    const { data } = await runConformanceCase(given, (sample) => sums.push(absSum(sample)));
    const size = Math.max(...given.first4Float64.map(Math.abs));
    // Cases with noise see torch's single-precision arithmetic.
    const tolerance = given['usesTorchRng'] === true ? 2e-6 : 1e-9;
    given.first4Float64.forEach((value, i) => {
      expect(Math.abs(value - (data[i] ?? NaN))).toBeLessThan(tolerance * Math.max(size, 1e-30));
    });
    const listed = given.absSumAfterEachStepFloat64;
    // Where a step makes several model calls the file lists each call; only the last ones of steps are ours.
    if (listed.length === sums.length)
      listed.forEach((sum, i) => {
        expect(relative(sum, sums[i])).toBeLessThan(1e-6);
      });
  });

  it.each(cases.filter(({ sigmasFloat64 }) => sigmasFloat64 !== undefined))(
    '$id: the noise levels and the start',
    (given) => {
      const config = parseSchedulerConfig({ ...given.config, _class_name: given.scheduler });
      const plan = planSampling(config, { stepCount: given.numInferenceSteps ?? 0 });
      const own = listedSigmas(plan);
      expect(own.length).toBe(given.sigmasFloat64?.length);
      given.sigmasFloat64?.forEach((sigma, i) => {
        expect(relative(sigma, own[i])).toBeLessThan(1e-9);
      });
      const start = plan.startScale * plan.sampleScale(plan.sigmas[0] ?? NaN);
      expect(relative(given.initNoiseSigma ?? 1, start)).toBeLessThan(1e-9);
    },
  );

  it.each(z.array(conformanceCaseSchema).parse(ownCases.cases))(
    '$id: as stated a second time in test/reference/schedulers',
    async (given) => {
      expect(await checkConformanceCase(given)).toMatchObject({ pass: true });
    },
  );

  it.each(z.array(conformanceCaseSchema).parse(suite.cases))(
    "$id: a figure of diffusers' test-suite",
    async (given) => {
      expect(await checkConformanceCase(given)).toMatchObject({ pass: true });
    },
  );

  it('fails a case whose figure is wrong', async () => {
    const [given] = cases;
    if (given === undefined) throw new Error('no cases');
    const wrong = { ...given, measured: { float64: { absSum: (given.measured?.float64?.absSum ?? 0) * (1 + 3e-6) } } };
    expect(await checkConformanceCase(wrong)).toMatchObject({ pass: false });
  });
});
