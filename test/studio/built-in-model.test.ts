import { describe, expect, it } from 'vitest';
import type { GenerationRequest } from '../../main/contract/settings.ts';
import type { Picture } from '../../main/engine/generation/generation-request.ts';
import { openPackage } from '../../main/model-packages/resolve.ts';
import { generateCandidates } from '../../main/studio/generate-candidates.ts';
import { modelFolders } from '../../main/studio/model-folders.ts';
import { defaultModel } from '../../main/studio/models.ts';
import { prepareGeneration } from '../../main/studio/prepare-generation.ts';
import { settingsOfRequest } from '../../main/studio/settings-of-request.ts';
import { openWorkshop } from '../../main/studio/workshop.ts';
import { packagesFolder } from '../doubles/packages.ts';

/** The model that comes with the application goes through the same code as anyone else's. */
describe('the built-in model', () => {
  const folders = { ...modelFolders(), user: packagesFolder };
  const model = defaultModel(folders);

  it('loads, is the one taken when none is named, and knows its words', () => {
    const modelPackage = openPackage(model, folders);
    expect(modelPackage).toMatchObject({ builtIn: true, id: model, notes: [] });
    expect(modelPackage.readPrompt('a tall matte terracotta vase').unknownWords).toEqual([]);
    expect(modelPackage.readPrompt('a vase for zebras').unknownWords).toContain('zebras');
  });

  it('makes the same image alone and in a batch, at its own size and another', async () => {
    using workshop = openWorkshop({ folders, provider: 'cpu', hashCache: null });
    const make = async (indices: readonly number[], asked: Partial<GenerationRequest> = {}) => {
      const request = { model, prompt: 'a tall matte terracotta vase', seed: 4, stepCount: 2, ...asked };
      const prepared = await prepareGeneration(settingsOfRequest(request), workshop, 'test');
      const pictures = new Map<number, Picture>();
      for await (const event of generateCandidates(prepared, indices, workshop))
        if (event.kind === 'image') pictures.set(event.index, event.picture);
      return pictures;
    };
    const batch = await make([0, 1, 2]);
    expect(await make([1])).toEqual(new Map([[1, batch.get(1)]]));
    const { step, width } = openPackage(model, folders).size;
    const wide = (await make([0], { width: width + step, height: width })).get(0);
    expect([wide?.width, wide?.height]).toEqual([width + step, width]);
  });
});
