import { defineConfig } from "vitest/config";

/** Milliseconds, for machines several times slower than those on which these take minutes. */
const patience = 900_000;

export default defineConfig({
  test: {
    include: ["test/soak/**/*.test.ts"],
    fileParallelism: false,
    testTimeout: patience,
    hookTimeout: patience,
    expect: { poll: { timeout: patience / 2, interval: 20 } },
    reporters: process.env.CI ? ["default", ["json", { outputFile: ".report/soak.json" }]] : ["default"],
  },
});
