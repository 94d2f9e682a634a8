/** An engine that starts at once and paints without a model: image i is one grey, after three short steps a batch. */
import { setTimeout as sleep } from 'node:timers/promises';

interface Request {
  readonly type: string;
  readonly id: number;
  readonly input: {
    readonly indices: readonly number[];
    readonly width: number;
    readonly height: number;
    readonly settings: { readonly batchSize: number };
  };
}

async function paint({ id, input: { indices, width, height, settings } }: Request): Promise<void> {
  const tell = (event: object): void => void process.send?.({ type: 'event', id, event });
  const provider = { tried: [{ provider: 'cpu', outcome: 'chosen', reason: null }], chosen: 'cpu' };
  tell({ kind: 'started', provider, sampler: 'euler', stepCount: 3 });
  let modelCalls = 0;
  for (let from = 0; from < indices.length; from += settings.batchSize) {
    const batch = indices.slice(from, from + settings.batchSize);
    for (let step = 1; step <= 3; step++) {
      await sleep(4);
      tell({ kind: 'step', indices: batch, step, stepCount: 3, modelCalls: ++modelCalls });
    }
    for (const index of batch) {
      const pixels = new Uint8Array(3 * width * height).fill(index * 7);
      tell({ kind: 'image', index, picture: { width, height, pixels }, notes: [] });
    }
  }
  tell({ kind: 'cost', modelCalls, modelSeconds: 0 });
  process.send?.({ type: 'finished', id });
}

process.on('message', (message: Request) => {
  if (message.type === 'request') void paint(message);
});
process.on('disconnect', () => process.exit(0));
process.send?.({ type: 'ready' });
