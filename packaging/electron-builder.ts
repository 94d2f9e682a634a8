import type { Configuration } from 'electron-builder';

const platforms = { mac: 'darwin', win: 'win32', linux: 'linux' } as const;

/** Binaries of ONNX Runtime for every other platform and processor: the package brings all of them along. */
function foreignBinaries(own: (typeof platforms)[keyof typeof platforms], architecture: string): string[] {
  return ['darwin', 'win32', 'linux'].flatMap((platform) =>
    ['x64', 'arm64']
      .filter((each) => platform !== own || each !== architecture)
      .map((each) => `!node_modules/onnxruntime-node/bin/napi-v6/${platform}/${each}`),
  );
}

export interface PackageOptions {
  readonly platform: keyof typeof platforms;
  readonly architecture: 'x64' | 'arm64';
  /** Folder of an Electron program; null lets the packager fetch it. */
  readonly electron: { readonly folder: string; readonly version: string } | null;
}

/** What goes into a package: the built bundles, the libraries they need, the built-in models beside the archive. */
export function configuration({ platform, architecture, electron }: PackageOptions): Configuration {
  return {
    appId: 'app.gamut.desktop',
    productName: 'Gamut',
    copyright: 'MIT licence',
    directories: { output: 'dist', buildResources: 'packaging/resources' },
    files: [
      'out/**',
      'package.json',
      '!**/*.map',
      '!node_modules/**/*.{md,ts,mts,cts,flow}',
      '!node_modules/onnxruntime-node/script',
      ...foreignBinaries(platforms[platform], architecture),
    ],
    // ONNX Runtime opens no model inside an archive, and native code must be a file of its own.
    extraResources: [{ from: 'resources/models', to: 'models' }],
    asar: true,
    asarUnpack: ['**/*.node', '**/*.dll', '**/*.dylib', '**/*.so', '**/*.so.*'],
    electronFuses: {
      runAsNode: false,
      enableCookieEncryption: true,
      enableNodeOptionsEnvironmentVariable: false,
      enableNodeCliInspectArguments: false,
      enableEmbeddedAsarIntegrityValidation: true,
      onlyLoadAppFromAsar: true,
      loadBrowserProcessSpecificV8Snapshot: false,
      grantFileProtocolExtraPrivileges: false,
    },
    npmRebuild: false,
    nodeGypRebuild: false,
    publish: null,
    ...(electron === null ? {} : { electronDist: electron.folder, electronVersion: electron.version }),
    win: { target: [{ target: 'nsis', arch: ['x64', 'arm64'] }] },
    nsis: { oneClick: false, perMachine: false, allowToChangeInstallationDirectory: true },
    mac: {
      target: [
        { target: 'dmg', arch: ['arm64'] },
        { target: 'zip', arch: ['arm64'] },
      ],
      category: 'public.app-category.graphics-design',
      hardenedRuntime: true,
    },
    linux: {
      target: ['AppImage', 'deb'],
      category: 'Graphics',
      executableName: 'gamut',
      synopsis: 'Guided image generation on your own machine',
      maintainer: 'The Gamut authors <gamut@localhost>',
    },
  };
}
