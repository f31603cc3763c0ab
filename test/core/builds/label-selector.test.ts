import { describe, expect, it } from "vitest";
import { parseLabelSelector } from "../../../src/core/builds/label-selector.ts";

const labels = { app: "web", tier: "back", empty: "", "openshift.io/build-config.name": "ray" };

describe("parseLabelSelector", () => {
  it.each([
    ["", true, "nothing is asked"],
    ["  ", true, "nothing is asked"],
    ["app=web", true, "equal"],
    ["app = web", true, "blanks do not count"],
    ["app==web", true, "the longer sign means the same"],
    ["app=api", false, "another value"],
    ["missing=web", false, "no such label"],
    ["app!=web", false, "equal"],
    ["app!=api", true, "another value"],
    ["missing!=web", true, "an object without the label is not equal"],
    ["empty=", true, "an empty value is a value"],
    ["missing=", false, "a missing label is not an empty one"],
    ["openshift.io/build-config.name=ray", true, "a qualified name"],
    ["app in (api, web)", true, "among them"],
    ["app in(api,web)", true, "blanks do not count"],
    ["app in (api)", false, "not among them"],
    ["missing in (web)", false, "no such label"],
    ["app notin (api, web)", false, "among them"],
    ["app notin (api)", true, "not among them"],
    ["missing notin (web)", true, "an object without the label is not among them"],
    ["app", true, "it exists"],
    ["missing", false, "it does not exist"],
    ["!app", false, "it exists"],
    ["! missing", true, "it does not exist"],
    ["app=web,tier in (back, front),!missing", true, "all hold"],
    ["app=web,tier=front", false, "one does not hold"],
    ["constructor", false, "what every object inherits is no label"],
    ["toString!=x", true, "what every object inherits is no label"],
  ])("%s is %s: %s", (selector, selected) => {
    expect(parseLabelSelector(selector)(labels)).toBe(selected);
  });

  it.each([
    ["app=web,", "an empty part"],
    ["app=web=api", '"app=web=api"'],
    ["app in", '"app in"'],
    ["app in (web", '"app in (web"'],
    ["app in web", '"app in web"'],
    ["app in (we b)", '"app in (we b)"'],
    ["app > 3", '"app > 3"'],
    ["-app=web", '"-app=web"'],
    ["app=-web", '"app=-web"'],
    ["a b", '"a b"'],
    [`app=${"x".repeat(64)}`, '"app='],
  ])("refuses %s and quotes the part it cannot read", (selector, quoted) => {
    expect(() => parseLabelSelector(selector)).toThrow(quoted);
  });
});
