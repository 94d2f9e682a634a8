import { Failure } from '../../contract/failures.ts';
import { diagnose } from '../../studio/doctor.ts';
import { openWorkshop } from '../../studio/workshop.ts';
import type { Register } from './register.ts';

export const doctor: Register = (program) => {
  program
    .command('doctor')
    .description('versions, disk, models, and a tiny run on each execution provider')
    .option('--json', 'one JSON document')
    .action(async ({ json }: { readonly json?: boolean }) => {
      using workshop = openWorkshop();
      const { versions, machine, data, providers, models, problems } = await diagnose(workshop);
      const gigabytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GB`;
      if (json === true) {
        process.stdout.write(`${JSON.stringify({ versions, machine, data, providers, models, problems })}\n`);
      } else {
        const lines = [
          `Gamut ${versions.gamut}, Node ${versions.node}, ONNX Runtime ${versions.onnxruntime ?? 'does not load'}`,
          `${machine.platform}, ${machine.processors} processors (${machine.processor}), ${gigabytes(machine.memoryBytes)} memory`,
          `data in ${data.folder}, ${gigabytes(data.freeBytes)} free`,
          ...providers.map(({ provider, works, reason, seconds }) =>
            works
              ? `${provider.padEnd(8)}works (${((seconds ?? 0) * 1000).toFixed(0)} ms)`
              : `${provider.padEnd(8)}no: ${reason}`,
          ),
          ...models.map(({ id, problem }) => `model ${id}: ${problem ?? 'ready'}`),
        ];
        process.stdout.write(`${lines.join('\n')}\n`);
      }
      if (problems.length > 0) throw new Failure('internal', problems.join(' '));
    });
};
