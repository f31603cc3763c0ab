import { describe, expect, it } from "vitest";
import { severityOf } from "../../src/core/jobs/findings.ts";
import { osRelease, releaseFiles } from "../../src/inventory/databases/system/os-release.ts";
import { compareMaven } from "../../src/inventory/versions/maven.ts";
import { describeManifest, kindOfManifest } from "../../src/registry/reading/manifest.ts";

/** What every object of JavaScript has, though nobody wrote it there: a table that is no map finds them. */
const inherited = ["constructor", "__proto__", "valueOf", "hasOwnProperty"] as const;

describe.each(inherited)("a word from outside that is %s", (word) => {
  it("is a severity like any unknown one", () => {
    expect(severityOf(word)).toBe("unknown");
  });

  it("is a distribution's name like any other", () => {
    const read = (path: string, text: string, { read }: typeof osRelease) => read({ path, bytes: Buffer.from(text) } as never);
    const named = { family: word.toLowerCase(), version: "9" };
    expect(read("etc/os-release", `ID=${word}\nVERSION_ID=9\n`, osRelease)).toMatchObject({ distribution: named });
    expect(read("etc/redhat-release", `${word} release 9\n`, releaseFiles)).toEqual({ packages: [] });
  });

  it("is a qualifier of a version like any other", () => {
    expect(compareMaven(`1.${word}`, "1.sp")).toBe(compareMaven("1.unheard", "1.sp"));
    expect(compareMaven(`1.${word}`, `1.${word}`)).toBe(0);
  });

  it("is no type of a manifest", () => {
    expect(kindOfManifest(word)).toBeUndefined();
    expect(() => describeManifest(Buffer.from("{}"), word, "shop/app")).toThrow(/it is not the manifest of an image/);
  });
});
