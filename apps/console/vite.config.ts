import { fileURLToPath } from "node:url";
import tailwind from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** Where the API is while the console is worked on: a platform that runs beside it. */
const api = process.env["LYSS_URL"] ?? "http://127.0.0.1:8080";
const apiPaths = [
  "/v1",
  "/v1beta",
  "/api/v1",
  "/admin",
  "/oidc",
  "/account",
  "/.well-known",
  "/health",
  "/openapi.json",
];

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  configLoader: "native",
  plugins: [react(), tailwind()],
  build: {
    target: "baseline-widely-available",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  server: { proxy: Object.fromEntries(apiPaths.map((path) => [path, { target: api }])) },
} as Parameters<typeof defineConfig>[0]);
