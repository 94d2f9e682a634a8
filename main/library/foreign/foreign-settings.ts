import type { ForeignSettings } from '../../contract/library.ts';
import { note } from '../../contract/notes.ts';
import { settingsFromA1111 } from './a1111.ts';
import { settingsFromComfy } from './comfyui.ts';
import { settingsFromInvoke } from './invokeai.ts';

/**
 * Settings that another program left in a file's texts, as far as they map to ours; null where none of the known
 * keywords is there. A text that is there but cannot be read gives a result that says so: the picture is still good.
 */
export function foreignSettings(texts: ReadonlyMap<string, string>): ForeignSettings | null {
  const invoke = texts.get('invokeai_metadata');
  if (invoke !== undefined) return settingsFromInvoke(invoke);
  // ComfyUI nodes that also write `parameters` mean it as the readable form of the same: prefer it.
  const parameters = texts.get('parameters');
  if (parameters !== undefined && !parameters.trimStart().startsWith('{')) return settingsFromA1111(parameters);
  const prompt = texts.get('prompt');
  const workflow = texts.get('workflow');
  if (prompt !== undefined || workflow !== undefined) return settingsFromComfy(prompt ?? null, workflow ?? null);
  if (parameters !== undefined)
    return {
      program: 'unknown',
      model: null,
      settings: {},
      unmapped: [{ field: 'parameters', value: parameters.slice(0, 200), reason: note('leftForeignJson') }],
    };
  return null;
}
