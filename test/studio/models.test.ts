import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { defaultModel, editDistance, listModels, readPrompt } from '../../main/studio/models.ts';
import { packageFolder, packagesFolder, temporaryFolder } from '../doubles/packages.ts';

const folders = { builtIn: packagesFolder, user: '/nowhere' };

describe('the list of models', () => {
  it('shows what each package says of itself', () => {
    expect(listModels(folders).find(({ id }) => id === 'flow')).toEqual({
      id: 'flow',
      name: 'flow',
      description: '',
      licence: 'MIT',
      builtIn: true,
      bytes: expect.any(Number),
      width: 64,
      height: 64,
      sizeStep: 8,
      sampler: 'FlowMatchEulerDiscreteScheduler',
      stepCount: null,
      guidanceScale: null,
      hasFeatures: false,
      hasCalibration: false,
      fit: 'fits',
      problem: null,
      examples: [],
    });
  });

  it('keeps a model that cannot be used, with the reason', () => {
    using user = temporaryFolder();
    cpSync(packageFolder('legacy'), join(user.path, 'mine'), { recursive: true });
    rmSync(join(user.path, 'mine/unet'), { recursive: true });
    const [card] = listModels({ builtIn: '/nowhere', user: user.path });
    expect(card).toMatchObject({
      id: 'mine',
      builtIn: false,
      fit: 'unknown',
      problem: `model package ${join(user.path, 'mine')}: expected the weight file unet/model.onnx, found none`,
    });
  });

  it('says so when there is none to choose', () => {
    expect(() => defaultModel({ builtIn: '/nowhere', user: '/nowhere' })).toThrow(
      'model: expected --model ID or folder; no model is installed',
    );
  });
});

describe('a prompt read by a model', () => {
  it('names unknown words with known ones that are a few letters away', () => {
    expect(readPrompt('flow', 'a whte vaze of oryx', folders)).toEqual({
      unknownWords: [
        { word: 'whte', suggestions: ['white'] },
        { word: 'vaze', suggestions: ['vase'] },
        { word: 'oryx', suggestions: [] },
      ],
      tokenCount: 5,
      tokenLimit: 14,
    });
  });
});

it('counts the letters to insert, remove or replace', () => {
  const cases = [
    ['kitten', 'sitting', 3],
    ['', 'abc', 3],
    ['vase', 'vase', 0],
    ['flaw', 'lawn', 2],
  ] as const;
  expect(cases.map(([a, b]) => editDistance(a, b))).toEqual(cases.map(([, , distance]) => distance));
});
