import type { Calibration } from './calibration.ts';

const width = 640;
const height = 520;
const margin = 64;

interface Point {
  readonly precision: number;
  readonly recall: number;
  readonly label: string;
}

/** The two frontiers on the precision–recall plane as SVG: the dial's path and guidance alone. */
export function calibrationPlot({ path, guidanceAlone, briefs, keptPerBrief }: Calibration): string {
  const valueOf = (measures: Calibration['path']['stops'][number]['measures'], name: string): number =>
    measures.find((measure) => measure.name === name)?.value ?? 0;
  const dial = path.stops.map(({ dial: at, measures }): Point => {
    const label = at === 0 ? '0' : at > 0 ? `+${at}` : String(at);
    return { precision: valueOf(measures, 'precision'), recall: valueOf(measures, 'recall'), label };
  });
  const pointOf = ({ guidanceScale, precision, recall }: (typeof guidanceAlone)[number]): Point => ({
    precision: precision.value,
    recall: recall.value,
    label: `×${guidanceScale}`,
  });
  const everywhere = guidanceAlone.filter(({ guidanceInterval }) => guidanceInterval === null);
  const alone = everywhere.toSorted((a, b) => a.guidanceScale - b.guidanceScale).map(pointOf);
  const within = guidanceAlone.filter(({ guidanceInterval }) => guidanceInterval !== null).map(pointOf);
  const all = [...dial, ...alone, ...within];
  const x = axis(
    all.map(({ recall }) => recall),
    margin,
    width - 24,
  );
  const y = axis(
    all.map(({ precision }) => precision),
    height - margin,
    40,
  );
  const dots = (points: readonly Point[], colour: string, fill: string, above: boolean): string[] =>
    points.map(
      (p) =>
        `<circle cx="${x.at(p.recall)}" cy="${y.at(p.precision)}" r="4" stroke="${colour}" fill="${fill}"/><text x="${x.at(p.recall) + 7}" y="${y.at(p.precision) + (above ? -7 : 15)}" fill="${colour}">${p.label}</text>`,
    );
  const curve = (points: readonly Point[], colour: string, above: boolean): string =>
    [
      `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${points.map((p) => `${x.at(p.recall)},${y.at(p.precision)}`).join(' ')}"/>`,
      ...dots(points, colour, colour, above),
    ].join('\n');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<rect width="${width}" height="${height}" fill="#ffffff"/>
<text x="${margin}" y="22" font-size="14" fill="#222222">The dial (blue) and guidance alone (orange${within.length === 0 ? '' : '; rings: within an interval'}): ${briefs.length} briefs, ${keptPerBrief} kept images each</text>
${x.ticks.map((tick) => `<line x1="${x.at(tick)}" x2="${x.at(tick)}" y1="40" y2="${height - margin}" stroke="#e4e4e4"/><text x="${x.at(tick)}" y="${height - margin + 18}" text-anchor="middle" fill="#555555">${tick}</text>`).join('\n')}
${y.ticks.map((tick) => `<line x1="${margin}" x2="${width - 24}" y1="${y.at(tick)}" y2="${y.at(tick)}" stroke="#e4e4e4"/><text x="${margin - 8}" y="${y.at(tick) + 4}" text-anchor="end" fill="#555555">${tick}</text>`).join('\n')}
<text x="${width / 2}" y="${height - 18}" text-anchor="middle" fill="#222222">recall (diversity)</text>
<text transform="translate(18 ${height / 2}) rotate(-90)" text-anchor="middle" fill="#222222">precision (fidelity)</text>
${curve(alone, '#b45309', false)}
${dots(within, '#b45309', '#ffffff', false).join('\n')}
${curve(dial, '#1d4ed8', true)}
</svg>
`;
}

/** A linear axis over the values, with ticks at steps of 0.05 or 0.1. */
function axis(values: readonly number[], from: number, to: number) {
  const step = Math.max(...values) - Math.min(...values) > 0.4 ? 0.1 : 0.05;
  const low = Math.floor(Math.min(...values) / step) * step;
  const high = Math.max(low + step, Math.ceil(Math.max(...values) / step) * step);
  const count = Math.round((high - low) / step);
  return {
    at: (value: number): number => Math.round(10 * (from + ((value - low) / (high - low)) * (to - from))) / 10,
    ticks: Array.from({ length: count + 1 }, (_, i) => Number((low + i * step).toFixed(2))),
  };
}
