import { expect, it } from "vitest";
import { listLargeCluster } from "../cluster/watching/large-cluster.ts";

it("500 Builds and 200 image streams of 1 MB each pass through a pod of 256 MiB", async () => {
  const { seen } = await listLargeCluster(500, 200);
  expect(seen).toMatchObject({ builds: 500, streams: 200 });
  expect(seen.mebibytes).toBeLessThan(230);
});
