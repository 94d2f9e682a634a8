import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

/** Who may import whom: the arrows of the design, one row a folder. A folder may always import itself. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  renderer: ['main/contract'],
  'main/contract': [],
  'main/engine': ['main/contract'],
  'main/model-packages': ['main/contract', 'main/engine'],
  'main/library': ['main/contract'],
  'main/studio': ['main/contract', 'main/engine', 'main/library', 'main/model-packages'],
  'main/app': ['main/contract', 'main/studio'],
  'main/serve': ['main/contract', 'main/studio'],
  'main/cli': ['main/contract', 'main/studio', 'main/serve'],
};

/** Inside the engine: numbers below, the process above. */
const engineArrows: Readonly<Record<string, readonly string[]>> = {
  'main/engine/tensor': [],
  'main/engine/graph': ['main/engine/tensor'],
  'main/engine/autodiff': ['main/engine/graph', 'main/engine/tensor'],
  'main/engine/runtime': ['main/engine/graph', 'main/engine/tensor'],
  'main/engine/diffusion': ['main/engine/tensor'],
  'main/engine/features': ['main/engine/graph', 'main/engine/runtime', 'main/engine/tensor'],
  'main/engine/metrics': ['main/engine/features', 'main/engine/tensor'],
};

/** Three doors: the only places that may import these packages. */
const doors: readonly { readonly packages: RegExp; readonly allowed: RegExp }[] = [
  { packages: /^electron(\/|$)/, allowed: /^main\/app\// },
  { packages: /^onnxruntime-(node|common)/, allowed: /^main\/engine\/runtime\// },
  { packages: /^libsql/, allowed: /^main\/library\/database\.ts$/ },
];

/** Numbers only: no files, no processes, no network below the engine's own process entry. */
const engineForbidden = /^(node:)?(fs|fs\/promises|child_process|http|https|net|os|worker_threads)$/;
const engineProcessFiles = /^main\/engine\/(host\.ts|runtime\/)/;

const root = resolve(import.meta.dirname, '..');

function sourceFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.(ts|js|svelte)$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .filter((file) => !file.includes('/generated/'));
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\//g, '');
  const found = text.matchAll(
    /(?:^|[\s;}])(?:import|export)\s[^'"`;]*?from\s*['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)|^import\s+['"]([^'"]+)['"]/gm,
  );
  return [...found].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

function folderOf(file: string, folders: readonly string[]): string | undefined {
  return folders.filter((folder) => file.startsWith(`${folder}/`)).sort((a, b) => b.length - a.length)[0];
}

const files = [...sourceFiles('main'), ...sourceFiles('renderer')];

function violations(table: Readonly<Record<string, readonly string[]>>, scope: RegExp): string[] {
  const folders = Object.keys(table);
  return files.flatMap((file) => {
    const from = folderOf(file, folders);
    if (from === undefined) return [];
    return importsOf(file)
      .filter((name) => name.startsWith('.'))
      .map((name) => relative(root, resolve(root, dirname(file), name)).replaceAll('\\', '/'))
      .filter((target) => scope.test(target))
      .filter((target) => {
        const to = folderOf(target, folders) ?? target;
        return to !== from && !(table[from] ?? []).includes(to);
      })
      .map((target) => `${file} → ${target}`);
  });
}

describe('the architecture', () => {
  it('reads the sources it is about', () => {
    expect(files.length).toBeGreaterThan(5);
    expect(importsOf('main/cli/program.ts')).toContain('commander');
  });

  it('keeps its arrows one way', () => {
    expect(violations(arrows, /^(main|renderer)\//)).toEqual([]);
  });

  it('keeps the engine in layers', () => {
    expect(violations(engineArrows, /^main\/engine\//)).toEqual([]);
  });

  it('opens Electron, ONNX Runtime and SQLite in one place each', () => {
    const found = files.flatMap((file) =>
      importsOf(file)
        .filter((name) => doors.some((door) => door.packages.test(name) && !door.allowed.test(file)))
        .map((name) => `${file} → ${name}`),
    );
    expect(found).toEqual([]);
  });

  it('keeps files and processes out of the engine’s numbers', () => {
    const found = files
      .filter((file) => file.startsWith('main/engine/') && !engineProcessFiles.test(file))
      .flatMap((file) =>
        importsOf(file)
          .filter((name) => engineForbidden.test(name))
          .map((name) => `${file} → ${name}`),
      );
    expect(found).toEqual([]);
  });
});
