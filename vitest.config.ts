import { delimiter, join } from "node:path";
import { defineConfig } from "vitest/config";
import { compiled } from "./test/support/bot-process.ts";
import { createReporter } from "./test/support/reporter.ts";
import { LongestFirst } from "./test/support/sequencer.ts";

/** Milliseconds in which whatever a test waits for happens even on a busy machine. */
const patience = 120_000;

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/soak/**"],
    // Half of the tests wait for programs and sockets: twice as many workers as a small machine has cores.
    maxWorkers: 4,
    sequence: { sequencer: LongestFirst },
    // Loading the bot's modules costs more than most files' tests. Files share them, so a test leaves nothing behind in this process.
    isolate: false,
    globalSetup: ["scratch", "all-tests"].map((name) => `test/support/${name}-setup.ts`),
    testTimeout: patience + 30_000,
    hookTimeout: patience + 30_000,
    expect: { poll: { timeout: patience, interval: 50 } },
    env: {
      // Programs that no Debian package brings: .ci/run puts them there.
      PATH: [process.env.PATH, join(import.meta.dirname, ".tools/bin")].join(delimiter),
      // Threads of the bot's, and there are hundreds, start in a third of the time.
      NODE_COMPILE_CACHE: compiled,
    },
    reporters: process.env.CI
      ? ["default", createReporter(), ["json", { outputFile: ".report/test.json" }]]
      : ["default", createReporter()],
  },
});
