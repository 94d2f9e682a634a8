import { cardOfPackage, listModels } from '../../studio/models.ts';
import { inspectModel } from '../../studio/inspect-model.ts';
import { modelFolders } from '../../studio/model-folders.ts';
import type { Register } from './register.ts';

interface Options {
  readonly json?: boolean;
}

export const models: Register = (program) => {
  const command = program.command('models').description('model packages: what is there, and what is in one');

  command
    .command('list')
    .description('every model that can be named with --model')
    .option('--json', 'one JSON document')
    .action(({ json }: Options) => {
      const folders = modelFolders();
      const cards = listModels(folders);
      if (json === true) {
        process.stdout.write(`${JSON.stringify(cards)}\n`);
        return;
      }
      for (const { id, builtIn, width, height, bytes, licence, problem } of cards) {
        const facts = problem ?? `${width}x${height}, ${megabytes(bytes)}${licence === '' ? '' : `, ${licence}`}`;
        process.stdout.write(`${id.padEnd(24)}${builtIn ? 'built in  ' : 'own       '}${facts}\n`);
      }
      if (cards.length === 0) process.stderr.write(`no models in ${folders.builtIn} or ${folders.user}\n`);
    });

  command
    .command('inspect')
    .description('check a model and show what it is made of')
    .argument('<id|dir>', 'model id or folder')
    .option('--json', 'one JSON document')
    .action(async (model: string, { json }: Options) => {
      const { modelPackage, ...found } = await inspectModel(model, modelFolders());
      const card = cardOfPackage(modelPackage);
      if (json === true) {
        process.stdout.write(`${JSON.stringify({ ...card, folder: modelPackage.folder, ...found })}\n`);
        return;
      }
      const lines = [
        `${card.name} (${modelPackage.pipeline}), ${megabytes(card.bytes)}, weights in ${found.precision}`,
        `folder     ${modelPackage.folder}`,
        `hash       ${found.hash}`,
        `size       ${card.width}x${card.height}, ${found.fixedSize ? 'no other' : `sides in multiples of ${card.sizeStep}`}`,
        `scheduler  ${String(modelPackage.model.scheduler['_class_name'])}`,
        ...recommendedLine(modelPackage.model.recommended),
        `prompt     ${found.tokenLimit} tokens${found.vocabulary === 0 ? '' : `, ${found.vocabulary} known words`}`,
        `licence    ${card.licence === '' ? 'not said' : card.licence}`,
        ...found.parts.flatMap(({ file, inputs, outputs }) => [
          file,
          ...inputs.map((input) => `  in   ${input}`),
          ...outputs.map((output) => `  out  ${output}`),
        ]),
        ...found.notes.map((note) => `note: ${note}`),
      ];
      process.stdout.write(`${lines.join('\n')}\n`);
    });
};

function megabytes(bytes: number): string {
  return bytes < 2 ** 30 ? `${(bytes / 2 ** 20).toFixed(1)} MB` : `${(bytes / 2 ** 30).toFixed(2)} GB`;
}

function recommendedLine(recommended?: { readonly sampler: string; readonly eta?: number }): string[] {
  if (recommended === undefined) return [];
  const { sampler, eta } = recommended;
  return [`sampler    ${sampler}${eta === undefined ? '' : `, eta ${eta}`}, recommended`];
}
