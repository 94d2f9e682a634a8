/** An engine whose model call never comes back: it blocks its thread for good. */
process.on('message', (message: { type: string; id: number }) => {
  if (message.type !== 'request') return;
  process.send?.({ type: 'event', id: message.id, event: { pid: process.pid } }, undefined, undefined, () => {
    for (;;);
  });
});
setInterval(() => process.send?.({ type: 'heartbeat', rss: 1 }), 20);
process.on('disconnect', () => process.exit(0));
process.send?.({ type: 'ready' });
