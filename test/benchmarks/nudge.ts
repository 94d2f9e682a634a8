import { parseArgs } from 'node:util';
import type { NudgeSettings } from '../../main/contract/settings.ts';
import { generationSettingsSchema } from '../../main/contract/settings.ts';
import { defaultModel } from '../../main/studio/models.ts';
import { nudgeJudge, nudgePrepared } from '../../main/studio/nudge.ts';
import { prepareGeneration } from '../../main/studio/prepare-generation.ts';
import { openWorkshop } from '../../main/studio/workshop.ts';

/**
 * Whether a nudge moves built-in images the way it was asked to, by the pseudo density among the nearest references of
 * their brief: the share that moved, how far in percentiles and log density, and the seconds of a nudge.
 *
 *     npm run bench -- nudge                       64 images each way with the default budget
 *     node test/benchmarks/nudge.ts --images 8 --budgets 0.05,0.1 --steps 10 --slope predictor
 */
const { values } = parseArgs({
  options: {
    images: { type: 'string', default: '64' },
    budgets: { type: 'string', default: '0.1' },
    steps: { type: 'string', default: '10' },
    slope: { type: 'string', default: 'neighbours' },
    'sampling-steps': { type: 'string', default: '8' },
  },
});

const briefs = [
  'mug',
  'blue teapot',
  'red vase',
  'tall bottle, green glass',
  'wooden chair',
  'white bowl on a grey backdrop',
  'yellow lamp',
  'terracotta planter, soft light',
];

interface Outcome {
  readonly moved: boolean;
  readonly percentiles: number;
  readonly logDensity: number;
  readonly seconds: number;
}

const workshop = openWorkshop();
const imageCount = Number(values.images);
const [directions, slope] = [['typical', 'unusual'] as const, values.slope as NudgeSettings['slope']];
for (const budget of values.budgets.split(',').map(Number))
  for (const direction of directions) {
    const outcomes: Outcome[] = [];
    for (const [at, prompt] of briefs.entries())
      outcomes.push(
        ...(await outcomesOf(prompt, { direction, budget, stepCount: Number(values.steps), slope }, imagesOf(at))),
      );
    report(budget, direction, outcomes, await peakMemory());
  }
workshop[Symbol.dispose]();

/** The images are shared out among the briefs as evenly as can be. */
function imagesOf(brief: number): number {
  return Math.floor(imageCount / briefs.length) + (brief < imageCount % briefs.length ? 1 : 0);
}

async function outcomesOf(prompt: string, nudge: NudgeSettings, count: number): Promise<Outcome[]> {
  if (count === 0) return [];
  const stepCount = Number(values['sampling-steps']);
  const model = defaultModel(workshop.folders);
  const settings = generationSettingsSchema.parse({ model, prompt, seed: 7, stepCount, nudge });
  const prepared = await prepareGeneration(settings, workshop, 'benchmark');
  const judge = await nudgeJudge(prepared, workshop);
  const outcomes: Outcome[] = [];
  for (let index = 0; index < count; index++) {
    const started = performance.now();
    for await (const event of nudgePrepared(prepared, judge, index, workshop)) {
      if (event.kind !== 'nudged') continue;
      const [before, after] = [event.before.record.scores, event.after.record.scores];
      const change = Math.log((after.pseudoDensity ?? NaN) / (before.pseudoDensity ?? NaN));
      outcomes.push({
        moved: nudge.direction === 'typical' ? change > 0 : change < 0,
        percentiles: (after.densityPercentile ?? NaN) - (before.densityPercentile ?? NaN),
        logDensity: change,
        seconds: (performance.now() - started) / 1000,
      });
      if (event.largestChange > nudge.budget) throw new Error(`the budget was left: ${event.largestChange}`);
    }
  }
  return outcomes;
}

/** The most memory that the engine's process ever held, in MiB. */
async function peakMemory(): Promise<number> {
  for await (const { peakRss } of workshop.engine.request('about', {})) return Math.round(peakRss / 2 ** 20);
  return NaN;
}

function report(budget: number, direction: string, outcomes: readonly Outcome[], peakMiB: number): void {
  const middle = (pick: (outcome: Outcome) => number): number =>
    Number((outcomes.map(pick).sort((a, b) => a - b)[outcomes.length >> 1] ?? NaN).toPrecision(4));
  const moved = outcomes.filter((outcome) => outcome.moved).length;
  console.log(
    JSON.stringify({
      benchmark: 'nudge',
      direction,
      budget,
      steps: Number(values.steps),
      slope,
      samplingSteps: Number(values['sampling-steps']),
      images: outcomes.length,
      moved,
      shareMoved: Number((moved / outcomes.length).toFixed(4)),
      medianPercentiles: middle(({ percentiles }) => percentiles),
      medianLogDensity: middle(({ logDensity }) => logDensity),
      medianSeconds: middle(({ seconds }) => seconds),
      peakMiB,
    }),
  );
}
