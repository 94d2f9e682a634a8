import { expect, it } from 'vitest';
import { z } from 'zod';
import { change, request, stream } from '../../main/contract/calls/call.ts';
import { answeredWhenKept } from '../../main/contract/calls/handlers.ts';
import { callsByName } from '../../main/contract/calls/index.ts';
import { Failure } from '../../main/contract/failures.ts';

const nothing = z.strictObject({});
const tree = {
  notes: {
    read: request(nothing, z.string()),
    write: change(nothing, z.string()),
    follow: stream(nothing, z.string()),
  },
};

function notes(kept: () => Promise<void>): ReturnType<typeof answeredWhenKept<typeof tree>>['notes'] {
  const handlers = {
    notes: {
      read: async () => 'read',
      write: async () => 'written',
      async *follow() {
        yield 'followed';
      },
    },
  };
  return answeredWhenKept(tree, handlers, kept).notes;
}

it('a change is answered when it is kept; what only reads or follows does not wait', async () => {
  let keep = (): void => undefined;
  const kept = new Promise<void>((resolve) => {
    keep = resolve;
  });
  const { read, write, follow } = notes(() => kept);
  expect(await read({})).toBe('read');
  expect(await Array.fromAsync(follow({}, new AbortController().signal))).toEqual(['followed']);
  let answered = false;
  const writing = write({}).then((answer) => {
    answered = true;
    return answer;
  });
  await read({});
  expect(answered).toBe(false);
  keep();
  expect(await writing).toBe('written');
});

it('a change that cannot be kept fails as what kept it from that', async () => {
  const { write } = notes(async () => {
    throw new Failure('disk-full', 'The disk is full.');
  });
  await expect(write({})).rejects.toMatchObject({ code: 'disk-full' });
});

it('every call that changes the images says so', () => {
  const named = [...callsByName].filter(([, call]) => call.kind === 'request' && call.changes === true);
  expect(named.map(([name]) => name).sort()).toEqual(
    [
      ...['batches.close', 'collections.add', 'collections.create', 'collections.remove', 'collections.rename'],
      ...['collections.take', 'images.discard', 'images.flag', 'images.rate', 'images.redo', 'images.rescue'],
      ...['images.restore', 'images.tag', 'images.take', 'images.trash', 'images.undo', 'images.untag'],
      'nudge.keep',
    ].sort(),
  );
});
