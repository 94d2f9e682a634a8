import type { ForeignSettings, ImageSummary } from '../../main/contract/library.ts';

export const viewNames = ['generate', 'gallery', 'models', 'settings'] as const;
export type ViewName = (typeof viewNames)[number];

/** What lies over the view. */
export type Overlay =
  | { readonly kind: 'zoom' }
  | { readonly kind: 'compare'; readonly images: readonly ImageSummary[] }
  | { readonly kind: 'export' }
  | { readonly kind: 'keys' }
  | { readonly kind: 'tag' }
  | { readonly kind: 'discard'; readonly count: number; readonly idsOf: () => Promise<readonly string[]> }
  | { readonly kind: 'dropped'; readonly name: string; readonly content: string; readonly found: ForeignSettings };
