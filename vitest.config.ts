import { delimiter, join } from "node:path";
import { defineConfig } from "vitest/config";
import { createReporter } from "./test/support/reporter.ts";

/** Milliseconds in which whatever a test waits for happens even on a busy machine. */
const patience = 120_000;

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/soak/**"],
    // Half of the tests wait for programs and sockets: one worker more than a small machine has cores.
    maxWorkers: 3,
    // Loading the bot's modules costs more than most files' tests. Files share them, so a test leaves nothing behind in this process.
    isolate: false,
    globalSetup: ["test/support/scratch-setup.ts"],
    testTimeout: patience + 30_000,
    hookTimeout: patience + 30_000,
    expect: { poll: { timeout: patience, interval: 20 } },
    // Programs that no Debian package brings: .ci/run puts them there.
    env: { PATH: [process.env.PATH, join(import.meta.dirname, ".tools/bin")].join(delimiter) },
    reporters: process.env.CI
      ? ["default", createReporter(), ["json", { outputFile: ".report/test.json" }]]
      : ["default", createReporter()],
  },
});
