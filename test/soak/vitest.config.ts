import { defineConfig } from "vitest/config";

/** Long runs, which `npm run soak -- NAME` starts: no suite of `npm test`. */
export default defineConfig({
  test: { include: ["test/soak/*.soak.ts"], testTimeout: 3_600_000, hookTimeout: 120_000, teardownTimeout: 20_000 },
});
