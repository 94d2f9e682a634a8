import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../main/contract/failures.ts';
import { forkEngine } from '../../main/studio/engine-child.ts';
import { EngineProcess } from '../../main/studio/engine-process.ts';
import type { EngineProcessOptions } from '../../main/studio/engine-process.ts';

function engineOf(name: string, options: EngineProcessOptions = {}): EngineProcess {
  const file = fileURLToPath(new URL(`../doubles/engines/${name}.ts`, import.meta.url));
  return new EngineProcess({ ...options, start: forkEngine({ file }) });
}

async function failureOf(work: Promise<unknown>): Promise<Pick<Failure, 'code' | 'message'>> {
  const error = await work.then(
    () => expect.unreachable('a failure was expected'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof Failure)) throw error;
  return { code: error.code, message: error.message };
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('the owner of the engine’s process', () => {
  it('asks the engine, in a process of its own, and hears its answer', async () => {
    using engine = new EngineProcess();
    const events = await Array.fromAsync(engine.request('about', {}));
    expect(events).toMatchObject([{ pid: engine.pid, node: process.versions.node }]);
    expect(events[0]?.pid).not.toBe(process.pid);
  });

  it('sends typed arrays as typed arrays, and failures with their code', async () => {
    using engine = new EngineProcess();
    const bad = engine.request('pseudoDensities', {
      references: { count: 3, width: 1, values: new Float32Array(3) },
      queries: { count: 1, width: 2, values: new Float32Array(2) },
      k: 1,
      exponent: 1,
    });
    expect((await failureOf(Array.fromAsync(bad))).code).toBe('bad-input');
  });

  it('answers several requests at a time', async () => {
    using engine = new EngineProcess();
    const pids = await Promise.all([1, 2, 3].map(() => Array.fromAsync(engine.request('about', {}))));
    expect(new Set(pids.map(([about]) => about?.pid)).size).toBe(1);
  });

  it('fails open requests when the process is killed, and starts a new one for the next', async () => {
    using engine = engineOf('deaf');
    const events = engine.request('about', {});
    const first = await events.next();
    process.kill(engine.pid ?? 0, 'SIGKILL');
    expect(await failureOf(events.next())).toEqual({
      code: 'engine-gone',
      message: "The engine's process ended unexpectedly (SIGKILL).",
    });
    const second = await engine.request('about', {}).next();
    expect(second.value?.pid).not.toBe(first.value?.pid);
    expect(engine.restarts).toBe(1);
  });

  it('asks once more for an answer whose engine died under it, and no more than that', async () => {
    let starts = 0;
    const dyingUntil = (start: number) => () => {
      const child = forkEngine()();
      starts += 1;
      if (starts < start)
        child.onMessage(() => {
          child.kill();
        });
      return child;
    };
    using engine = new EngineProcess({ start: dyingUntil(2) });
    expect(await engine.answer('about', {})).toMatchObject({ pid: engine.pid });
    expect(starts).toBe(2);
    starts = 0;
    using doomed = new EngineProcess({ start: dyingUntil(9) });
    expect(await failureOf(doomed.answer('about', {}))).toMatchObject({ code: 'engine-gone' });
    expect(starts).toBe(2);
  });

  it.runIf(process.platform === 'linux')(
    'puts an engine that works for a browser into a session of its own',
    async () => {
      /** Field 6 of proc(5)'s stat, after the name in brackets. */
      const sessionOf = (pid: number) => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[3];
      const here = sessionOf(process.pid);
      using near = new EngineProcess({ start: forkEngine() });
      using apart = new EngineProcess({ start: forkEngine({ apart: true }) });
      expect(sessionOf((await near.answer('about', {})).pid)).toBe(here);
      expect(sessionOf((await apart.answer('about', {})).pid)).not.toBe(here);
    },
  );

  it('stops softly, and kills what does not stop within the grace period', async () => {
    using engine = engineOf('deaf', { grace: 100 });
    const controller = new AbortController();
    const events = engine.request('about', {}, controller.signal);
    const { value } = await events.next();
    controller.abort();
    expect(await failureOf(events.next())).toEqual({ code: 'interrupted', message: 'The work was stopped.' });
    expect(isAlive(value?.pid ?? 0)).toBe(false);
  });

  it('kills an engine that hangs', async () => {
    using engine = engineOf('hanging', { silenceLimit: 400 });
    const events = engine.request('about', {});
    const { value } = await events.next();
    expect(await failureOf(events.next())).toEqual({
      code: 'engine-gone',
      message: "The engine's process gave no sign of life for 0.4 s and was ended.",
    });
    expect(isAlive(value?.pid ?? 0)).toBe(false);
  });

  it('leaves an engine alone that is silent because nothing is asked', async () => {
    // More than a busy machine takes for an answer.
    using engine = new EngineProcess({ silenceLimit: 2000 });
    const [first] = await Array.fromAsync(engine.request('about', {}));
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(engine.pid).toBe(first?.pid);
  });

  it('says the last words of an engine that cannot start', async () => {
    using engine = engineOf('stillborn');
    expect(await failureOf(engine.request('about', {}).next())).toEqual({
      code: 'engine-gone',
      message: "The engine's process ended unexpectedly (exit code 3): cannot load the library.",
    });
  });

  it('refuses a request that is stopped before it begins', async () => {
    using engine = new EngineProcess();
    expect(await failureOf(engine.request('about', {}, AbortSignal.abort()).next())).toMatchObject({
      code: 'interrupted',
    });
    expect(engine.pid).toBeUndefined();
  });

  it('ends its process when it is closed, and refuses what comes after', async () => {
    const engine = new EngineProcess();
    const [about] = await Array.fromAsync(engine.request('about', {}));
    engine.close();
    await expect.poll(() => isAlive(about?.pid ?? 0), { timeout: 10_000 }).toBe(false);
    expect(await failureOf(engine.request('about', {}).next())).toMatchObject({ code: 'engine-gone' });
  });
});
