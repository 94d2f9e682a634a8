import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import en from '../../renderer/locales/en.json' with { type: 'json' };
import ja from '../../renderer/locales/ja.json' with { type: 'json' };
import { Failure, failureCodes } from '../../main/contract/failures.ts';
import { measureNames } from '../../main/contract/measures.ts';
import { librarySorts, likenessSorts } from '../../main/contract/library.ts';
import { actionNames, keyGroups } from '../../renderer/state/keys.ts';
import { Language } from '../../renderer/state/language.svelte.ts';
import { Notices } from '../../renderer/state/notices.svelte.ts';

type Tree = { readonly [name: string]: string | Tree };

function textsOf(tree: Tree, prefix = ''): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(tree).flatMap(([name, value]) =>
      typeof value === 'string' ? [[prefix + name, value] as const] : [...textsOf(value, `${prefix}${name}.`)],
    ),
  );
}

const english = textsOf(en);
const japanese = textsOf(ja);
const plain = (key: string): string => key.replace(/_(one|other)$/, '');
const holes = (text: string): readonly string[] =>
  [...text.matchAll(/\{\{(\w+)/g)].map((match) => match[1] ?? '').sort();

/** Every text the window asks for by a name that is written out in its sources. */
function keysInSources(): ReadonlySet<string> {
  const folder = join(import.meta.dirname, '../../renderer');
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(({ name }) =>
    /\.(svelte|ts)$/.test(name),
  );
  const sources = files.map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'utf8')).join('\n');
  return new Set([...sources.matchAll(/\bt\(\s*'([a-z][\w-]*\.[\w.-]+)'/gi)].map((match) => match[1] ?? ''));
}

describe('the texts of the window', () => {
  it('are all there in both languages', () => {
    expect([...japanese.keys()].sort()).toEqual([...english.keys()].sort());
    expect([...english, ...japanese].filter(([, text]) => text.trim() === '')).toEqual([]);
  });

  it('have the same holes in both languages', () => {
    const differing = [...english].filter(([key, text]) => {
      const theirs = holes(japanese.get(key) ?? '');
      return holes(text).join() !== theirs.join();
    });
    expect(differing.map(([key]) => key)).toEqual([]);
  });

  it('are translated: no English left in Japanese but names', () => {
    const same = [...english].filter(
      ([key, text]) => japanese.get(key) === text && /[a-z]{4}/.test(text.replaceAll(/\{\{.*?\}\}/g, '')),
    );
    expect(same.map(([key]) => key)).toEqual(['brief.promptExample']);
  });

  it('are there for every name the sources ask for', () => {
    const known = new Set([...english.keys()].map(plain));
    const asked = keysInSources();
    expect(asked.size).toBeGreaterThan(200);
    expect([...asked].filter((key) => !known.has(key))).toEqual([]);
  });

  it('are there for every name that is put together', () => {
    const shown = measureNames.filter((name) =>
      ['precision', 'recall', 'vendiScore', 'textImageScore', 'reciprocalProbability'].includes(name),
    );
    const needed = [
      ...actionNames.map((name) => `keys.action.${name}`),
      ...keyGroups.map((name) => `keys.group.${name}`),
      ...[...librarySorts, ...likenessSorts].map((name) => `sort.${name}`),
      ...shown.flatMap((name) => [`measure.${name}.name`, `measure.${name}.explanation`]),
      ...['fits', 'tight', 'will-not-fit', 'unknown'].map((fit) => `models.${fit}`),
      ...['pick', 'reject', 'none'].map((flag) => `flag.${flag}`),
      ...failureCodes.map((code) => `failure.${code}`),
    ];
    expect(needed.filter((key) => !english.has(key))).toEqual([]);
  });

  it('say what kind of failure it is before the exact line, which is English', () => {
    const language = new Language();
    const notices = new Notices(language);
    const failure = new Failure('disk-full', 'no space left for 3 MB in exports/', 'exports');
    notices.complain(failure);
    expect(notices.list.at(-1)).toMatchObject({ text: failure.message, exact: null });
    language.choose('ja');
    notices.complain(failure);
    expect(notices.list).toHaveLength(1);
    expect(notices.list[0]).toMatchObject({ text: ja.failure['disk-full'], exact: failure.message });
    expect(notices.spoken).toBe(ja.failure['disk-full']);
  });
});
