import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const out = here("../../server/keepboth/api/pages");

/** Writes `.br` and `.gz` beside every file that is worth it: the server only picks one. */
function packed(): Plugin {
  return {
    name: "packed",
    apply: "build",
    closeBundle() {
      const assets = join(out, "assets");
      for (const name of readdirSync(assets)) {
        const bytes = readFileSync(join(assets, name));
        if (!/\.(js|css|svg)$/.test(name) || bytes.length < 1024) continue;
        writeFileSync(join(assets, `${name}.br`), brotliCompressSync(bytes));
        writeFileSync(join(assets, `${name}.gz`), gzipSync(bytes, { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  build: {
    outDir: out,
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  plugins: [packed()],
  resolve: {
    alias: [
      { find: "keepboth/codemirror", replacement: here("./addon/src/codemirror.ts") },
      { find: "keepboth/kept", replacement: here("./addon/src/kept.ts") },
      { find: "keepboth", replacement: here("./addon/src/index.ts") },
    ],
    dedupe: ["yjs", "lib0", "@codemirror/state", "@codemirror/view"],
  },
  server: {
    // `npm run dev` beside a running `keepboth serve`.
    proxy: { "/api": "http://127.0.0.1:8100", "/ws": { target: "ws://127.0.0.1:8100", ws: true } },
  },
});
