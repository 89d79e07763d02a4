// Builds the pages into `dist`, from where the engine's build takes them. `npm run dev` serves them with live reload in
// front of a running engine, whose home folder `SQLITE_REPLICATE_HOME` names.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { svelte } from '@sveltejs/vite-plugin-svelte';
import type { Plugin, ProxyOptions } from 'vite';
import { defineConfig } from 'vitest/config';

/** `dist` is emptied by each build, and must stay a folder that Git knows: see its `.gitignore`. */
function keepFolder(): Plugin {
  const ignore = readFileSync('dist/.gitignore', 'utf8');
  return {
    name: 'keep-folder',
    apply: 'build',
    generateBundle() {
      this.emitFile({ type: 'asset', fileName: '.gitignore', source: ignore });
    },
  };
}

/** Passes calls on to a running engine, with its token, as if they came from its own page. */
function engine(): Record<string, ProxyOptions> {
  const home = process.env.SQLITE_REPLICATE_HOME;
  if (!home) return {};
  const { port } = JSON.parse(readFileSync(join(home, 'control.json'), 'utf8')) as { port: number };
  const target = `http://127.0.0.1:${port}`;
  const Authorization = `Bearer ${readFileSync(join(home, 'control.token'), 'utf8')}`;
  return { '/v1': { target, changeOrigin: true, headers: { Authorization, Origin: target } } };
}

export default defineConfig(({ command }) => ({
  plugins: [svelte(), keepFolder()],
  build: {
    target: 'es2022',
    // The policy of the pages allows nothing written into them, and names need no hash: nothing is cached.
    assetsInlineLimit: 0,
    modulePreload: false,
    rollupOptions: {
      output: {
        entryFileNames: 'assets/[name].js',
        chunkFileNames: 'assets/[name].js',
        assetFileNames: 'assets/[name][extname]',
      },
    },
  },
  server: { host: '127.0.0.1', fs: { allow: ['..'] }, proxy: command === 'serve' ? engine() : {} },
  // Without it the tests would get the half of Svelte that renders on servers.
  resolve: process.env.VITEST ? { conditions: ['browser'] } : {},
  test: { include: ['src/**/*.test.ts'] },
}));
