import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import json from '../reference/conformance/diffusers-schedulers.json' with { type: 'json' };

const root = join(import.meta.dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'conformance-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function run(...args: string[]): { status: number | null; lines: string[]; errors: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'main/cli/conformance.ts'), ...args], {
    encoding: 'utf8',
  });
  return { status, lines: stdout.trim().split('\n'), errors: stderr.trim() };
}

function file(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const [first] = json.cases;

describe('npm run conformance', () => {
  it('passes the reference file, and closes with the count', () => {
    const { status, lines } = run(join(root, 'test/reference/conformance/diffusers-schedulers.json'));
    expect(lines.at(-1)).toBe('62 passed, 0 failed');
    expect(lines).toHaveLength(63);
    expect(lines[0]).toMatch(/^ddim-eps {2}expected 172\.0065\d* {2}got 172\.0065\d* {2}pass$/);
    expect(status).toBe(0);
  });

  it('exits with 1 when a figure is wrong or a case cannot be run, and goes on', () => {
    const wrong = { ...first, id: 'wrong', measured: { float64: { absSum: 1 } } };
    const unknown = { ...first, id: 'unknown', scheduler: 'MysteryScheduler' };
    const broken = { id: 'broken' };
    const { status, lines } = run(file('mixed.json', { cases: [wrong, unknown, broken, first] }));
    expect(status).toBe(1);
    expect(lines.map((line) => line.split(' ').at(-1))).toEqual(['FAIL', 'FAIL', 'FAIL', 'pass', 'failed']);
    expect(lines[1]).toContain('MysteryScheduler');
    expect(lines.at(-1)).toBe('1 passed, 3 failed');
  });

  it.each([
    ['a field of the scheduler', { config: { ...first?.config, beta_curve: 2 } }, "'beta_curve' is not known"],
    ['another scheduler inside', { scheduler: 'UniPCMultistepScheduler', config: { solver_p: {} } }, 'solver_p'],
    ['an argument of step', { stepKwargs: { s_jitter: 1 } }, 's_jitter'],
    ['an argument of set_timesteps', { setTimestepsKwargs: { tempo: 1 } }, 'tempo'],
    ['a strength', { setTimestepsKwargs: { strength: 0.5 } }, 'strength: expected none'],
    ['levels where they are not taken', { customSigmas: [1, 0.5] }, 'sigmas: expected none, DDIMScheduler'],
    ['other distilled steps', { setTimestepsKwargs: { original_inference_steps: 20 } }, 'originalSteps: expected none'],
    [
      'levels that rise',
      { scheduler: 'FlowMatchEulerDiscreteScheduler', config: {}, customSigmas: [0.5, 0.9] },
      'sigmas: expected descending noise levels',
    ],
    [
      'a start between the calls of one step',
      { scheduler: 'HeunDiscreteScheduler', config: {}, startIndex: 3 },
      'expected an even startIndex',
    ],
    [
      'two spacings at once',
      {
        scheduler: 'DPMSolverMultistepScheduler',
        config: { use_flow_sigmas: true, use_karras_sigmas: true, prediction_type: 'flow_prediction' },
      },
      'use_flow_sigmas: expected no other spacing',
    ],
  ])('fails a case with %s that would be dropped, and says which', (_what, changes, message) => {
    const { status, lines } = run(file('unread.json', { cases: [{ ...first, ...changes }] }));
    expect(lines[0]).toContain(message);
    expect(lines[0]).toMatch(/FAIL$/);
    expect(status).toBe(1);
  });

  it.each([
    ['no file', () => ['nowhere.json'], 'nowhere.json'],
    ['no argument', () => [], 'usage'],
    ['a file that is not JSON', () => [file('text.json', 'hello')], 'expected a JSON file'],
    ['a file without cases', () => [file('empty.json', {})], 'at least one'],
    ['cases that are no list', () => [file('odd.json', { cases: 3 })], 'cases'],
  ])('exits with 2 and one line for %s', (_what, args, message) => {
    const { status, errors } = run(...args());
    expect(status).toBe(2);
    expect(errors.split('\n')).toHaveLength(1);
    expect(errors).toContain(message);
  });
});
