import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lastBase } from "../../../src/sources/objects/dockerfile.ts";

const none: ReadonlyMap<string, string | undefined> = new Map();

describe("the base of a Dockerfile", () => {
  it.each<[string, string, string | undefined]>([
    ["a single FROM", "FROM centos:7", "centos:7"],
    ["any case, tabs, CRLF and a byte order mark", "\uFEFFfrom\tcentos:7\r\nRUN x\r\n", "centos:7"],
    ["a platform", "FROM --platform=$BUILDPLATFORM golang:1 AS a", "golang:1"],
    ["stages by name in any case", "FROM a:1 AS One\nFROM oNE as two\nFROM TWO", "a:1"],
    ["a stage that is called like its image", "FROM golang AS golang\nFROM golang", "golang"],
    ["a stage that is called like a later one's image", "FROM b:1\nFROM a:1 AS b\nFROM b", "a:1"],
    ["a continued line", "FROM \\\n  # a comment\n\n  centos:7 \\\n  AS x", "centos:7"],
    ["another escape", "# escape=`\nFROM `\ncentos:7", "centos:7"],
    ["a continued command with FROM in it", "FROM a:1\nRUN echo \\\nFROM b:1", "a:1"],
    ["a comment with FROM in it", "FROM a:1\n# \\\n#FROM b:1", "a:1"],
    ["a heredoc with FROM in it", "FROM a:1\nRUN <<EOF\nFROM b:1\nEOF\nRUN x", "a:1"],
    ["heredocs that are indented and quoted", "FROM a:1\nCOPY <<-'A' <<\"B\" /x/\nFROM b\n\tA\nFROM c\nB\n", "a:1"],
    ["what follows a heredoc", "FROM a:1\nRUN <<EOF\nx\nEOF\nFROM b:1", "b:1"],
    ["a heredoc without end", "FROM a:1\nRUN cat <<EOF\nFROM b:1", "b:1"],
    ["quoted names", "ARG A='a:1'\nFROM \"$A\"", "a:1"],
    ["several arguments on a line", "ARG A=x B=y\nFROM $A/$B", "x/y"],
    ["arguments made of arguments", "ARG A=1\nARG B=x:$A\nFROM $B", "x:1"],
    ["a default in the place of an empty one", "ARG A=\nFROM x${A:-:1}", "x:1"],
    ["an empty argument", "ARG A=\nFROM x$A", "x"],
    ["a text for an argument that is set", "ARG A=1\nFROM x${A:+:2}", "x:2"],
    ["an argument of a stage, which does not count", "FROM a:1\nARG A=1\nFROM x:$A", undefined],
    ["an argument without default", "ARG A\nFROM x:$A", undefined],
    ["an argument that refers to itself", "ARG A=$A\nFROM $A", undefined],
    ["a form nobody can read", "ARG A=1.2\nFROM x:${A%.*}", undefined],
    ["a stage without known base", "FROM $X AS a\nFROM a", undefined],
    ["scratch", "FROM a AS b\nFROM scratch", undefined],
    ["a stage from scratch", "FROM scratch AS b\nFROM b", undefined],
    ["no FROM", "RUN x", undefined],
    ["nothing", "", undefined],
  ])("is read from %s", (_, dockerfile, base) => {
    expect(lastBase(dockerfile, none)).toBe(base);
  });

  it("takes what the build was given before a default, if the Dockerfile declares it", () => {
    const given = new Map([["A", "2"]]);
    expect(lastBase("ARG A=1\nFROM x:$A", given)).toBe("x:2");
    expect(lastBase("ARG A\nFROM x:$A", given)).toBe("x:2");
    expect(lastBase("FROM x:${A:-1}", given)).toBe("x:1");
    expect(lastBase("ARG A=1\nFROM x:$A", new Map([["A", undefined]]))).toBeUndefined();
  });

  it("does not throw, whatever the text", () => {
    const piece = fc.constantFrom(
      "FROM ",
      "ARG ",
      "A",
      "=",
      "$A",
      "${A",
      "}",
      ":-",
      "\n",
      "\\\n",
      "<<A",
      "RUN ",
      " AS ",
      "#",
      "`",
      '"',
    );
    fc.assert(fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => void lastBase(pieces.join(""), none)));
  });

  it.each([
    [
      "arguments that double each other",
      `ARG A0=xx\n${Array.from({ length: 4_000 }, (_, at) => `ARG A${at + 1}=$A${at}$A${at}`).join("\n")}\nFROM $A4000`,
    ],
    [
      "stages on stages",
      `FROM a AS s0\n${Array.from({ length: 4_000 }, (_, at) => `FROM s${at} AS s${at + 1}`).join("\n")}\nFROM $X`,
    ],
    ["heredocs without end", `FROM $X\n${Array.from({ length: 8_000 }, (_, at) => `RUN <<H${at}`).join("\n")}`],
    ["one endless line", `FROM ${"\\\n".repeat(60_000)}`],
    ["spaces", `FROM${" ".repeat(120_000)}$X`],
    ["backslashes and spaces", `RUN ${"\\ ".repeat(60_000)}x\nFROM $X`],
    ["open braces", `FROM ${"${A:-".repeat(20_000)}`],
    ["comments that look like directives", "# a=b\n".repeat(20_000)],
    ["more than a Dockerfile has", `FROM centos:7\n${"RUN x\n".repeat(100_000)}`],
  ])("costs little where the text is hostile: %s", (_, dockerfile) => {
    const start = process.cpuUsage();
    expect(lastBase(dockerfile, none)).toBeUndefined();
    const { user, system } = process.cpuUsage(start);
    expect((user + system) / 1_000).toBeLessThan(2_000);
  });
});
