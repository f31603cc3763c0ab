import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createGroupCommit, type GroupCommit } from "../../src/queue/embedded/group-commit.ts";

describe("group commit", () => {
  let connection: DatabaseSync;
  let commit: GroupCommit;
  let commits: number;
  const failures: unknown[] = [];

  const insert = (value: number) => () => Number(connection.prepare("INSERT INTO t VALUES (?)").run(value).lastInsertRowid);
  const stored = () =>
    connection
      .prepare("SELECT a FROM t ORDER BY a")
      .all()
      .map((row) => row.a);

  beforeEach(() => {
    commits = 0;
    failures.length = 0;
    connection = new DatabaseSync(":memory:");
    connection.exec("CREATE TABLE t (a INTEGER PRIMARY KEY CHECK (a < 100)) STRICT");
    commit = createGroupCommit(connection, {
      committed: () => {
        commits += 1;
      },
      failed: (error) => {
        failures.push(error);
        return new Error("the disk failed");
      },
    });
  });
  afterEach(() => connection.close());

  it("runs all operations of one turn in one transaction, in order, and answers each", async () => {
    expect(await Promise.all([1, 2, 3].map((value) => commit.run(insert(value))))).toEqual([1, 2, 3]);
    expect(commits).toBe(1);
    await commit.run(insert(4));
    expect(commits).toBe(2);
  });

  it("answers only after the commit", async () => {
    const answered = commit.run(() => connection.isTransaction);
    expect(await answered).toBe(true);
    expect(connection.isTransaction).toBe(false);
  });

  it("rejects the operations that throw, and keeps the others whole", async () => {
    const halfDone = () => {
      insert(50)();
      throw new TypeError("no");
    };
    const answers = await Promise.allSettled([insert(1), halfDone, insert(2), insert(1), insert(100), insert(3)].map(commit.run));
    expect(answers.map(({ status }) => status[0])).toEqual(["f", "r", "f", "r", "r", "f"]);
    expect(stored()).toEqual([1, 2, 3]);
    expect(failures).toEqual([]);
    await commit.run(insert(4));
  });

  it("survives a batch in which everything throws", async () => {
    const answers = await Promise.allSettled([insert(100), insert(101)].map(commit.run));
    expect(answers.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    await commit.run(insert(1));
    expect(stored()).toEqual([1]);
  });

  it("rejects everything, then and afterwards, when the database itself fails", async () => {
    const broken = () => connection.exec("INSERT INTO missing VALUES (1)");
    const answers = await Promise.allSettled([insert(1), broken, insert(2)].map((operation) => commit.run<unknown>(operation)));
    expect(answers.map((answer) => answer.status === "rejected" && answer.reason.message)).toEqual(
      Array(3).fill("the disk failed"),
    );
    await expect(commit.run(insert(3))).rejects.toThrow("the disk failed");
    expect(stored()).toEqual([]);
    expect(failures).toHaveLength(1);
    expect(connection.isTransaction).toBe(false);
  });

  it("runs waiting operations when it ends, and accepts no more", async () => {
    const last = commit.run(insert(1));
    commit.end(new Error("closed"));
    expect(stored()).toEqual([1]);
    expect(await last).toBe(1);
    await expect(commit.run(insert(2))).rejects.toThrow("closed");
  });
});
