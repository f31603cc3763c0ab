import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { sinceWhen } from "../../../src/app/since.ts";
import { parseSince } from "../../../src/core/builds/since.ts";
import { fileMarks } from "../../../src/queue/embedded/ledger/marks.ts";

const day = 24 * 60 * 60_000;
const now = Date.parse("2026-11-27T00:00:00Z");

describe("how far back builds count", () => {
  it.each([
    ["now", now],
    ["7d", now - 7 * day],
    ["90m", now - 90 * 60_000],
    ["2026-11-01", Date.parse("2026-11-01T00:00:00Z")],
    ["2026-11-01T12:00:00+01:00", Date.parse("2026-11-01T11:00:00Z")],
    ["yesterday", undefined],
    ["7", undefined],
    ["2026-13-45", undefined],
  ])("%s is read as a time", (text, time) => {
    expect(parseSince(text, now)).toBe(time);
  });

  it("is seen from the first start, so that what ends while the bot is down counts", async () => {
    const directory = await mkdtemp(join(tmpdir(), "since-"));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const marks = fileMarks(directory);
    expect(await sinceWhen(undefined, marks, now)).toBeUndefined();
    expect(await sinceWhen("now", marks, now)).toBe(now);
    expect(await sinceWhen("now", marks, now + day)).toBe(now);
    expect(await sinceWhen("1d", marks, now + day)).toBe(now);
    expect(await sinceWhen("now", marks, now + 2 * day)).toBe(now + 2 * day);
  });
});
