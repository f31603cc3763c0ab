import { describe, expect, it } from "vitest";
import type { StreamSighting } from "../../../src/cluster/cluster.ts";
import { parseImageReference } from "../../../src/core/images/image-reference.ts";
import type { Job } from "../../../src/core/jobs/job.ts";
import { scanImages } from "../../../src/pipeline/builds/scan-images.ts";
import { captureLog } from "../../support/log.ts";

const one = `sha256:${"1".repeat(64)}`;
const two = `sha256:${"2".repeat(64)}`;

function image(stream: string, tag: string, digest: string): StreamSighting {
  return { kind: "image", stream, tag, image: parseImageReference(`registry.example.com/${stream}@${digest}`) };
}

async function scan(sightings: readonly StreamSighting[], known: readonly string[] = []) {
  const jobs: Job[] = [];
  const progress: number[] = [];
  const captured = captureLog();
  const counts = await scanImages(
    {
      cluster: {
        listImages: async function* () {
          yield* sightings;
        },
      },
      analyzers: [{ name: "thoth" }],
      take: async (job) => {
        jobs.push(job);
        return !known.includes(job.id);
      },
      log: captured.log,
      onProgress: ({ streams }) => progress.push(streams),
    },
    new AbortController().signal,
  );
  return { counts, jobs, progress, captured };
}

describe("scanImages", () => {
  it("lets other work run between the tags of a stream that has many", async () => {
    const skipped = { kind: "skipped", stream: "shop/app", tag: "1", because: "it has no image yet" } as const;
    let others = 0;
    setImmediate(() => others++);
    expect((await scan(Array.from({ length: 1_000 }, () => skipped))).counts).toMatchObject({ tags: 1_000, skipped: 1_000 });
    expect(others).toBe(1);
  });

  it("takes each image once, with any number of tags; the same digest in another repository is another image", async () => {
    const { counts, jobs } = await scan([
      image("shop/cart", "1", one),
      image("shop/cart", "latest", one),
      { kind: "stream", stream: "shop/cart" },
      image("shop/mirror", "1", one),
      image("shop/mirror", "2", two),
      { kind: "stream", stream: "shop/mirror" },
    ]);
    expect(jobs.map((job) => job.cause)).toEqual(["scan", "scan", "scan"]);
    expect(counts).toEqual({ streams: 2, tags: 4, added: 3, known: 1, skipped: 0 });
  });

  it("leaves out what belongs to another image", async () => {
    const tags = [".sig", ".att", ".sbom", ".sigstore", ""].map((end) =>
      image("shop/cart", `sha256-${"a".repeat(64)}${end}`, one),
    );
    const { counts, jobs } = await scan([...tags, image("shop/cart", "1", two)]);
    expect(counts).toMatchObject({ added: 1, skipped: 5 });
    expect(jobs).toHaveLength(1);
  });

  it("counts what was known before", async () => {
    const { jobs } = await scan([image("shop/cart", "1", one)]);
    const { counts } = await scan([image("shop/cart", "1", one)], [jobs[0]?.id ?? ""]);
    expect(counts).toMatchObject({ added: 0, known: 1 });
  });

  it("leaves out a failed import with its reason at debug level", async () => {
    const { counts, captured } = await scan([
      { kind: "skipped", stream: "shop/cart", tag: "broken", because: "NotFound: no such image" },
    ]);
    expect(counts).toMatchObject({ tags: 1, skipped: 1 });
    expect(captured.lines).toMatchObject([{ level: "debug", tag: "broken", because: "NotFound: no such image" }]);
  });

  it("reports its progress after every stream", async () => {
    const { progress } = await scan([
      { kind: "stream", stream: "a" },
      { kind: "stream", stream: "b" },
    ]);
    expect(progress).toEqual([1, 2]);
  });
});
