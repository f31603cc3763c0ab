import type { Reporter, TestModule } from "vitest/node";
import { missingIn, packageOf } from "./programs.ts";

/** Says at the start how long all tests take, and at the end which were left out for lack of a program. */
export function createReporter(): Reporter {
  return {
    onTestRunStart(files) {
      if (files.length < 20) return;
      console.log(
        "All tests take 3 to 4 minutes on 2 quiet cores. They use skopeo, docker-registry and others: see CONTRIBUTING.md.",
      );
    },
    onTestRunEnd(modules) {
      for (const line of missingLines(modules)) console.log(line);
    },
  };
}

/** One line for each program: `Missing: skopeo (apt-get install skopeo); left out: test/copy.test.ts`. */
function missingLines(modules: readonly TestModule[]): readonly string[] {
  const files = new Map<string, Set<string>>();
  for (const module of modules) {
    for (const { name } of module.children.allTests()) {
      for (const program of missingIn(name)) {
        files.set(program, (files.get(program) ?? new Set()).add(module.relativeModuleId));
      }
    }
  }
  return [...files].map(
    ([program, named]) => `Missing: ${program} (apt-get install ${packageOf(program)}); left out: ${[...named].join(", ")}`,
  );
}
