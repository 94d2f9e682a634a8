import { describe, expect, it } from 'vitest';
import { EngineProcess } from '../../main/studio/engine-process.ts';

describe('the owner of the engine’s process', () => {
  it('asks the engine and hears its answer', async () => {
    using engine = new EngineProcess();
    const events = await Array.fromAsync(engine.request('about', {}));
    expect(events).toMatchObject([{ pid: engine.pid, node: process.versions.node }]);
    expect(events[0]?.pid).not.toBe(process.pid);
  });

  it('starts a new process for the next request after the old one was killed', async () => {
    using engine = new EngineProcess();
    const [first] = await Array.fromAsync(engine.request('about', {}));
    process.kill(first?.pid ?? 0, 'SIGKILL');
    const answers = Array.fromAsync(engine.request('about', {}));
    // The death may be noticed before or after the second request is sent.
    const second = await answers.catch(() => Array.fromAsync(engine.request('about', {})));
    expect(second[0]?.pid).not.toBe(first?.pid);
  });
});
