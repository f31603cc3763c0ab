import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that take far longer than others of their size. */
const long = [
  "server/browser",
  "queue/postgres-outage",
  "queue/postgres",
  "attack/copying",
  "registry/image-copier",
  "field/presence",
  "inventory/trivy",
  "openshift/built",
  "attack/silent-sources",
  "queue/embedded",
  "analyses",
  "patterns",
  "inventory/store/postgres/postgres-store",
  "quick-start",
  "trivy-command",
  "copy",
  "reading",
  "replicas",
  "field/tags",
  "registry/shared-layers",
  "attack/bad-endpoint",
  "attack/crash-steps",
  "attack/jobs-command",
  "attack/never-silent",
  "attack/shutdown",
  "attack/tenant",
  "attack/turns",
  "cluster/watching/large-lists",
  "queue/crash",
  "queue/properties",
  "server/limits",
  "openshift/rbac",
  "cli/check",
  "attack/poison",
  "announce",
  "notify",
  "attaching",
  "field/api-server",
].map((name) => `/test/${name}.test.ts`);

/** What takes long begins first: else one file runs alone at the end, on a fresh clone where Vitest knows only how large files are. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification) => long.some((end) => moduleId.endsWith(end));
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}
