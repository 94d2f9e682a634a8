import { Failure } from '../../contract/failures.ts';
import { namePlaceholders, type ImageSummary } from '../../contract/library.ts';

type Placeholder = (typeof namePlaceholders)[number];

/** Longest parts, in characters: a whole prompt is no file name. */
const longestPrompt = 60;
/** File systems end at 255 bytes; room is left for a number and an extension. */
const mostBytes = 200;

/** Names that Windows keeps for devices, with any extension. */
const reserved = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?$/i;

/**
 * Names for exported files, each different from all before (capitals make no difference, as on most disks), safe on every
 * system, never leaving the folder.
 * @param template without extension, e.g. `{prompt} {seed}-{index}`
 * @param taken names that others in the folder have
 * @throws Failure bad-input for an unknown placeholder or a template with a path in it.
 */
export function fileNames(
  template: string,
  taken: readonly string[] = [],
): (image: ImageSummary, number: number, extension: string) => string {
  checkTemplate(template);
  const used = new Set(taken.map(folded));
  return (image, number, extension) => {
    const base = safeName(template.replaceAll(/\{(\w+)\}/g, (_, name: Placeholder) => valueOf(name, image, number)));
    for (let copy = 1; ; copy += 1) {
      const name = `${base}${copy === 1 ? '' : ` (${copy})`}.${extension}`;
      if (used.has(folded(name))) continue;
      used.add(folded(name));
      return name;
    }
  };
}

function checkTemplate(template: string): void {
  for (const [whole, name = ''] of template.matchAll(/\{([^}]*)\}/g))
    if (!(namePlaceholders as readonly string[]).includes(name))
      throw new Failure(
        'bad-input',
        `nameTemplate: expected one of ${namePlaceholders.map((each) => `{${each}}`).join(' ')}, got ${whole}`,
        'nameTemplate',
      );
  if (/[\\/\0]/.test(template))
    throw new Failure('bad-input', `nameTemplate: expected a name without / or \\, got ${template}`, 'nameTemplate');
}

function valueOf(name: Placeholder, image: ImageSummary, number: number): string {
  switch (name) {
    case 'prompt':
      return cutAtWord(image.prompt.replaceAll(/\s+/g, ' ').trim(), longestPrompt);
    case 'seed':
      return image.seed === null ? 'no seed' : String(image.seed);
    case 'index':
      return String(image.index).padStart(4, '0');
    case 'number':
      return String(number).padStart(4, '0');
    case 'date':
      return image.createdAt.slice(0, 10);
    case 'model':
      return image.model;
    case 'rating':
      return String(image.rating);
    case 'batch':
      return image.batch;
    case 'flag':
      return image.flag;
  }
}

function cutAtWord(text: string, length: number): string {
  const characters = [...text];
  if (characters.length <= length) return text;
  const cut = characters.slice(0, length).join('');
  const space = cut.lastIndexOf(' ');
  return (space > length / 2 ? cut.slice(0, space) : cut).replace(/[\s,.;:]+$/, '');
}

/** A text as a file name that every system takes: nothing that means something to a path, a shell's device or Windows. */
export function safeName(text: string): string {
  const plain = text
    .toWellFormed()
    .normalize('NFC')
    // eslint-disable-next-line no-control-regex -- control characters are what is taken out
    .replaceAll(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff<>:"/\\|?*]/g, '-')
    .replaceAll(/\s+/g, ' ');
  // Windows drops dots and spaces at the end; a dot in front hides a file elsewhere.
  const trimmed = cutToBytes(plain.replace(/^[\s.]+/, ''), mostBytes).replace(/[\s.]+$/, '');
  if (trimmed === '') return 'image';
  return reserved.test(trimmed) ? `_${trimmed}` : trimmed;
}

function cutToBytes(text: string, most: number): string {
  let bytes = 0;
  let kept = '';
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > most) break;
    kept += character;
  }
  return kept;
}

function folded(name: string): string {
  return name.normalize('NFC').toLowerCase();
}
