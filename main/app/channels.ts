/** Names of the channels between preload and main: one for each call, one for what followed calls tell. */
export const channelOf = (call: string): string => `call:${call}`;
export const signalChannel = 'signal';
export const letGoChannel = 'let-go';
