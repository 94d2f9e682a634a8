import { copyFileSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { unetGradient } from '../../../main/engine/generation/unet-flow.ts';
import { SessionPool } from '../../../main/engine/runtime/session-pool.ts';
import { Sessions } from '../../../main/engine/runtime/sessions.ts';
import { packageFolder, temporaryFolder } from '../../doubles/packages.ts';

describe('a session of a model made of a file', () => {
  it('is made once for all requests, and again when the file has changed', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'model.onnx');
    copyFileSync(join(packageFolder('flow'), 'unet/model.onnx'), path);
    let made = 0;
    const source = () => {
      const gradient = unetGradient(path);
      if (gradient.kind !== 'derived') throw new Error('expected a derived model');
      const make = () => {
        made += 1;
        return gradient.make();
      };
      return { ...gradient, make };
    };
    const pool = new SessionPool();
    const [first, second, third] = [new Sessions(pool), new Sessions(pool), new Sessions(pool)];
    const session = await first.open(source(), 'cpu');
    expect(session.outputs.map(({ name }) => name)).toEqual(['out_sample', 'grad_sample']);
    await first.leave();
    expect([await second.open(source(), 'cpu'), made]).toEqual([session, 1]);
    utimesSync(path, 1, 1);
    expect(await third.open(source(), 'cpu')).not.toBe(session);
    expect(made).toBe(2);
  });

  it('brings external weights along', async () => {
    const path = join(packageFolder('optimum'), 'unet/model.onnx');
    const session = await new Sessions().open(unetGradient(path), 'cpu');
    expect(session.name).toBe('unet/model.onnx (gradient of out_sample by sample)');
  });
});
