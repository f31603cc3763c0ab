import { describe, expect, it } from "vitest";
import { createScreen, wantsColour } from "../../src/cli/screen.ts";

describe("colour", () => {
  it.each([
    [{}, true, true],
    [{}, false, false],
    [{ TERM: "dumb" }, true, false],
    [{ NO_COLOR: "1" }, true, false],
    [{ NO_COLOR: "" }, true, true],
    [{ FORCE_COLOR: "1" }, false, true],
    [{ FORCE_COLOR: "0" }, true, false],
    [{ FORCE_COLOR: "1", NO_COLOR: "1" }, true, false],
  ])("with %j and a terminal (%s) is wanted: %s", (environment, isTTY, wanted) => {
    expect(wantsColour({ isTTY }, environment)).toBe(wanted);
    const { paint } = createScreen({ isTTY, write: () => undefined }, { environment });
    expect(paint("bad", "x") !== "x").toBe(wanted);
  });
});

describe("the status line", () => {
  it("stays below lines of both streams, and is left out on a dumb terminal", () => {
    const written: string[] = [];
    const output = { isTTY: true, columns: 40, write: (text: string) => written.push(text) };
    const logOutput = { write: (text: string) => written.push(`err:${text}`) };
    const screen = createScreen(output, { logOutput });
    screen.status("working");
    screen.log("line\n");
    expect(written).toEqual(["working", "\r\u001b[2K", "err:line\n", "working"]);
    written.length = 0;
    createScreen(output, { environment: { TERM: "dumb" } }).status("working");
    expect(written).toEqual([]);
  });

  it("is as wide as COLUMNS says", () => {
    const written: string[] = [];
    const output = { isTTY: true, columns: 40, write: (text: string) => written.push(text) };
    createScreen(output, { environment: { COLUMNS: "5" } }).status("working");
    expect(written).toEqual(["work"]);
  });
});
