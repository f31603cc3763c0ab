import { describe, expect, it } from "vitest";
import { readCommandsFile } from "../../../src/config/files/commands-file.ts";
import { secretFile } from "../../support/analyzers.ts";

const read = (text: string) => readCommandsFile(secretFile(text), ["thoth", "packages"]);

describe("readCommandsFile", () => {
  it("reads commands and fills in defaults", () => {
    const text = `
commands:
  - name: trivy
    args: [trivy, image, "{image}"]
  - name: sysdig
    args: [scanner, -o, "{outdir}/r.json", "{tag|digest12}"]
    exitCodes: { "1": findings, 2: refused }
    result: r.json
    environment: [SECURE_API_TOKEN]
    timeout: 5m
`;
    expect(read(text)).toEqual([
      { name: "trivy", args: ["trivy", "image", "{image}"], exitCodes: {}, environment: [], timeout: 900_000 },
      {
        name: "sysdig",
        args: ["scanner", "-o", "{outdir}/r.json", "{tag|digest12}"],
        exitCodes: { 1: "findings", 2: "refused" },
        result: "r.json",
        environment: ["SECURE_API_TOKEN"],
        timeout: 300_000,
      },
    ]);
  });

  it.each([
    ["nothing", "other: 1", /no list commands/],
    ["no name", "commands: [{args: [x]}]", /entry 1 .*needs a name/],
    ["a name that is taken", "commands: [{name: thoth, args: [x]}]", /name thoth, which is taken/],
    ["the same name twice", "commands: [{name: a, args: [x]}, {name: a, args: [x]}]", /entry 2 .*taken/],
    ["no args", "commands: [{name: a}]", /needs args/],
    ["args in one text", "commands: [{name: a, args: trivy image}]", /needs args/],
    ["a number among the args", "commands: [{name: a, args: [x, 5]}]", /numbers in quotes/],
    ["an unknown placeholder", 'commands: [{name: a, args: [x, "{imgae}"]}]', /\{imgae\}/],
    ["a program by placeholder", 'commands: [{name: a, args: ["{tag}"]}]', /in place of the program/],
    ["an exit code that is none", "commands: [{name: a, args: [x], exitCodes: {300: ok}}]", /exitCodes/],
    ["a meaning that is none", "commands: [{name: a, args: [x], exitCodes: {1: fine}}]", /ok, findings, retry, refused/],
    ["a result elsewhere", "commands: [{name: a, args: [x], result: ../ledger.db}]", /result/],
    ["a variable with a value", "commands: [{name: a, args: [x], environment: [A=b]}]", /environment/],
    ["a timeout that is none", "commands: [{name: a, args: [x], timeout: soon}]", /timeout/],
    ["a key that is unknown", "commands: [{name: a, args: [x], exitcodes: {1: ok}}]", /"exitcodes", which is unknown/],
    ["no YAML", "commands: [", /cannot be read as YAML/],
  ])("refuses %s, and says what is wrong", (_, text, words) => {
    expect(() => read(text)).toThrow(words);
  });
});
