import { describe, expect, it } from "vitest";
import {
  forPeople,
  linesForPeople,
  longestText,
  matchesWildcard,
  webLink,
  withoutColours,
  withoutEnd,
} from "../../src/core/outside-text.ts";

describe("forPeople", () => {
  it.each([
    ["a\u001b[31mred\u0007", "a\\e[31mred\\x07"],
    ["one\ntwo\r\nthree\tfour", "one\\ntwo\\r\\nthree\\tfour"],
    ["\u0085\u009b2J\u007f", "\\u0085\\u009b2J\\u007f"],
    ["\u2028\u2029", "\\u2028\\u2029"],
    ["\u202egnp.exe\u2066\u200f\ufeff", "\\u202egnp.exe\\u2066\\u200f\\ufeff"],
    ["half \ud800 a pair", "half \\ud800 a pair"],
    ["Grüße, 世界 🎉", "Grüße, 世界 🎉"],
  ])("shows %j as %j", (text, shown) => expect(forPeople(text)).toBe(shown));

  it("cuts first, and is the same when shown again", () => {
    const shown = forPeople("\n".repeat(10_000_000));
    expect(shown).toHaveLength(longestText + 1);
    expect(forPeople(shown)).toBe(shown);
  });

  it("keeps the lines of a log, and nothing else that acts", () =>
    expect(linesForPeople("a\r\n\tb\u001b]0;title\u0007\n")).toBe("a\n\tb\\e]0;title\\x07\n"));

  it("takes colours and titles out of a line", () =>
    expect(withoutColours("\u001b[1;31mred\u001b[0m\u001b]0;title\u0007 plain\u009b2J\tend")).toBe("red plain2J\tend"));
});

describe("webLink", () => {
  it.each([
    ["https://ui.example.com/a?b=1#c", "https://ui.example.com/a?b=1#c"],
    ["HTTP://ui.example.com", "http://ui.example.com/"],
    ["javascript:alert(1)", undefined],
    [" javascript:alert(1)", undefined],
    ["data:text/html,x", undefined],
    ["//ui.example.com", undefined],
    ["https://user:secret@ui.example.com/", undefined],
    ["https://user@ui.example.com/", undefined],
    [`https://ui.example.com/${"a".repeat(longestText)}`, undefined],
    ["https://ui.example.com/\u202e", "https://ui.example.com/%E2%80%AE"],
    [7, undefined],
  ])("makes %j to %j", (text, link) => expect(webLink(text)).toBe(link));
});

describe("matchesWildcard", () => {
  it.each([
    ["quay.io", "quay.io", true],
    ["quay.io", "quay.io.example", false],
    ["*.redhat.com", "registry.redhat.com", true],
    ["*.redhat.com", "redhat.com", false],
    ["*.redhat.*.example", "a.redhat.b.example", true],
    ["*", "", true],
    ["a*a", "a", false],
    ["a*b*c", "a-b-c", true],
    ["a*bc*c", "abc", false],
    ["**", "x", true],
    ["a.c", "abc", false],
  ])("%j and %j: %s", (pattern, text, fits) => expect(matchesWildcard(pattern, text)).toBe(fits));

  it("looks at each character of a long text a few times", () => {
    const text = `${"a.redhat.".repeat(120_000)}x`;
    expect(matchesWildcard("*.redhat.*.redhat.*.example", text)).toBe(false);
  });
});

it("takes characters off an end", () => {
  expect(withoutEnd("a/b//", "/")).toBe("a/b");
  expect(withoutEnd("\n\r\n", "\r\n")).toBe("");
});
