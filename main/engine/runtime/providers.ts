import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { Failure } from '../../contract/failures.ts';
import { loadOnnxRuntime, providerVariable } from './onnxruntime.ts';

export const providerNames = ['dml', 'cuda', 'coreml', 'webgpu', 'cpu'] as const;
export type ProviderName = (typeof providerNames)[number];

/** A provider in the order it is tried; `unavailable` says why it cannot work here, so that it is not even tried. */
export interface ProviderCandidate {
  readonly provider: ProviderName;
  readonly unavailable: string | null;
}

const order: Readonly<Record<string, readonly ProviderName[]>> = {
  win32: ['dml', 'cuda', 'webgpu', 'cpu'],
  linux: ['cuda', 'webgpu', 'cpu'],
  darwin: ['coreml', 'webgpu', 'cpu'],
};

/**
 * Providers of this machine in the order they are tried. Checks are cheap (files that must be there), because a hopeless
 * try costs time and writes noise to the error output at every start.
 */
export async function providerCandidates(platform: NodeJS.Platform = process.platform): Promise<ProviderCandidate[]> {
  const { listSupportedBackends } = await loadOnnxRuntime();
  const built = new Map(listSupportedBackends().map(({ name, bundled }) => [name as string, bundled]));
  return (order[platform] ?? ['cpu']).map((provider) => {
    const bundled = built.get(provider);
    if (bundled === undefined) return { provider, unavailable: 'not part of ONNX Runtime for this platform' };
    if (provider === 'cuda' && platform === 'linux') return { provider, unavailable: missingForCuda() };
    if (provider === 'webgpu' && platform === 'linux') return { provider, unavailable: missingForWebGpu() };
    return { provider, unavailable: null };
  });
}

/** An explicit choice: the environment variable wins over the option; null when neither is given. */
export function chosenProvider(option: string | null): ProviderName | null {
  const choice = process.env[providerVariable] ?? option;
  if (choice === null || choice === '') return null;
  const known = providerNames.find((name) => name === choice);
  if (known === undefined)
    throw new Failure(
      'bad-input',
      `provider: expected one of ${providerNames.join(', ')}, got "${choice}"`,
      'provider',
    );
  return known;
}

function missingForCuda(): string | null {
  const require = createRequire(import.meta.url);
  const folder = join(dirname(require.resolve('onnxruntime-node')), `../bin/napi-v6/linux/${process.arch}`);
  if (!existsSync('/proc/driver/nvidia/version')) return 'no NVIDIA driver is loaded';
  if (!existsSync(join(folder, 'libonnxruntime_providers_cuda.so')))
    return 'the CUDA libraries of ONNX Runtime are not installed';
  return null;
}

/** Vulkan drivers that compute on the processor: slower than ONNX Runtime's own CPU kernels. */
const softwareDriver = /swiftshader|lvp_icd|llvmpipe/i;

function missingForWebGpu(): string | null {
  if (!hasVulkanLoader()) return 'no Vulkan loader (libvulkan.so.1) is installed';
  const named = process.env['VK_DRIVER_FILES'] ?? process.env['VK_ICD_FILENAMES'];
  // Somebody who names a driver means it, even a software one.
  if (named !== undefined) return null;
  const folders = ['/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d', join(homedir(), '.local/share/vulkan/icd.d')];
  const drivers = folders.filter((folder) => existsSync(folder)).flatMap((folder) => readdirSync(folder));
  if (drivers.length === 0) return 'no Vulkan driver is installed';
  if (drivers.every((driver) => softwareDriver.test(driver)))
    return 'only a software Vulkan driver is installed, which is slower than the CPU provider';
  return null;
}

function hasVulkanLoader(): boolean {
  const library = 'libvulkan.so.1';
  const cache = '/etc/ld.so.cache';
  if (existsSync(cache) && readFileSync(cache, 'latin1').includes(library)) return true;
  const folders = (process.env['LD_LIBRARY_PATH'] ?? '').split(':').filter((folder) => folder !== '');
  return folders.some((folder) => existsSync(join(folder, library)));
}
