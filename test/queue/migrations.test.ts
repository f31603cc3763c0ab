import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { migrate, needsMigration, versions } from "../../src/queue/embedded/migrations.ts";

describe("migrations", () => {
  const steps = [
    "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1)",
    "ALTER TABLE a ADD COLUMN y INTEGER; UPDATE a SET y = x + 1",
  ];

  it("run from the version a file has, each once", () => {
    const database = new DatabaseSync(":memory:");
    migrate(database, "f", steps.slice(0, 1));
    expect(needsMigration(database, "f", steps)).toBe(true);
    migrate(database, "f", steps);
    migrate(database, "f", steps);
    expect(database.prepare("SELECT * FROM a").all()).toEqual([{ x: 1, y: 2 }]);
    expect(database.prepare("PRAGMA user_version").get()).toEqual({ user_version: 2 });
  });

  it("leave the file at the version before when a step fails", () => {
    const database = new DatabaseSync(":memory:");
    migrate(database, "f", steps.slice(0, 1));
    expect(() => migrate(database, "f", [steps[0] ?? "", "UPDATE a SET x = 5; INSERT INTO missing VALUES (1)"])).toThrow(
      /missing/,
    );
    expect(database.prepare("SELECT * FROM a").all()).toEqual([{ x: 1 }]);
    expect(database.prepare("PRAGMA user_version").get()).toEqual({ user_version: 1 });
    migrate(database, "f", steps);
  });
});

it("remember which images earlier versions gave moving tags to", () => {
  const database = new DatabaseSync(":memory:");
  const before = versions.findIndex((step) => step.includes("CREATE TABLE tags"));
  migrate(database, "f", versions.slice(0, before));
  const digests = ["a", "b"].map((letter) => `sha256:${letter.repeat(64)}`);
  const insert = database.prepare(
    `INSERT INTO jobs (id, job, result, state, lane, created_at, updated_at, seen_at) VALUES (?, ?, ?, 'done', 0, 0, 0, 0)`,
  );
  const add = (id: string, digest: string | undefined, completedAt: string) => {
    const output = { kind: "reference", reference: { registry: "r.example", repository: "shop/app", tag: "v1" } };
    const result = { output: `push.example/m/shop-app@${digest}`, copiedAt: 1, analyses: [], notes: [] };
    insert.run(id, JSON.stringify({ id, output, completedAt }), JSON.stringify(result));
  };
  add("2", digests[1], "2026-11-01T10:00:01Z");
  add("1", digests[0], "2026-11-01T10:00:00Z");
  migrate(database, "f");
  expect(database.prepare("SELECT * FROM tags").all()).toEqual([
    { tag: "push.example/m/shop-app:v1", digest: digests[1], completed_at: Date.parse("2026-11-01T10:00:01Z") },
  ]);
});

it("find jobs by what their builds and results named before", () => {
  const database = new DatabaseSync(":memory:");
  migrate(
    database,
    "f",
    versions.slice(
      0,
      versions.findIndex((step) => step.includes("ADD COLUMN cause")),
    ),
  );
  const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
  const reference = { registry: "r.example", repository: "shop/app", digest: digest("a") };
  const jobs = [
    { id: "1", cause: "build", build: { namespace: "shop" }, buildConfig: "shop/app", output: { kind: "reference", reference } },
    { id: "2", cause: "scan", output: { kind: "reference", reference: { ...reference, digest: undefined } } },
  ];
  const results = [null, { output: `push.example/app@${digest("b")}`, base: `r.example/base@${digest("c")}` }];
  const insert = database.prepare(
    `INSERT INTO jobs (id, group_id, job, result, state, lane, created_at, updated_at, seen_at) VALUES (?1, ?1, ?2, ?3, 'done', 0, 0, 0, 0)`,
  );
  for (const [index, job] of jobs.entries()) insert.run(job.id, JSON.stringify(job), JSON.stringify(results[index]));
  migrate(database, "f");
  expect(
    database.prepare("SELECT cause, namespace, build_config, output_digest, base_digest FROM jobs ORDER BY number").all(),
  ).toEqual([
    { cause: "build", namespace: "shop", build_config: "shop/app", output_digest: digest("a"), base_digest: null },
    { cause: "scan", namespace: null, build_config: null, output_digest: digest("b"), base_digest: digest("c") },
  ]);
});
