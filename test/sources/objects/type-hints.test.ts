import { describe, expect, it } from "vitest";
import { formatImageReference } from "../../../src/core/images/image-reference.ts";
import { hintedImages, type RunArtifact, type RunResult } from "../../../src/sources/objects/type-hints.ts";
import { digestOf } from "../../support/fixtures.ts";
import { results } from "../../support/runs.ts";

const [a, b] = [digestOf("a"), digestOf("b")];

function images(texts: Readonly<Record<string, unknown>>, artifacts: readonly RunArtifact[] = [], ignored = ["SOURCE_*"]) {
  return hintedImages(results(texts) as readonly RunResult[], artifacts, ignored).images.map(formatImageReference);
}

describe("images that a run names", () => {
  it.each<[string, Readonly<Record<string, unknown>>, readonly string[]]>([
    ["a pair", { IMAGE_URL: "quay.io/shop/cart:2", IMAGE_DIGEST: a }, [`quay.io/shop/cart@${a}`]],
    [
      "a pair with line breaks at its ends",
      { IMAGE_URL: "quay.io/shop/cart\n", IMAGE_DIGEST: `${a}\n` },
      [`quay.io/shop/cart@${a}`],
    ],
    [
      "pairs that share the beginning of their names, in the order of results",
      { "api-IMAGE_DIGEST": a, APP_IMAGE_URL: "quay.io/app", APP_IMAGE_DIGEST: b, "api-IMAGE_URL": "quay.io/shop/api" },
      [`quay.io/app@${b}`, `quay.io/shop/api@${a}`],
    ],
    ["half a pair", { IMAGE_URL: "quay.io/shop/cart", OTHER_IMAGE_DIGEST: a }, []],
    ["a blank half", { IMAGE_URL: " \n", IMAGE_DIGEST: a }, []],
    ["a digest that is none", { IMAGE_URL: "quay.io/shop/cart", IMAGE_DIGEST: "sha256:short" }, []],
    [
      "a name with the prefix of a program",
      { IMAGE_URL: "docker://quay.io/shop/cart", IMAGE_DIGEST: a },
      [`quay.io/shop/cart@${a}`],
    ],
    ["a name without host", { IMAGE_URL: "cart", IMAGE_DIGEST: a }, [`docker.io/library/cart@${a}`]],
    [
      "a list by commas and lines",
      { IMAGES: `quay.io/x@${a}, quay.io/y:1@${b}\nquay.io/z:untold` },
      [`quay.io/x@${a}`, `quay.io/y@${b}`],
    ],
    ["a list that was cut to the size of a result", { IMAGES: `quay.io/x@${a},quay.io/y@${b.slice(0, 40)}` }, [`quay.io/x@${a}`]],
    ["no list but by that name", { MORE_IMAGES: `quay.io/x@${a}` }, []],
    ["one image twice", { IMAGE_URL: "quay.io/x:1", IMAGE_DIGEST: a, IMAGES: `quay.io/x@${a}` }, [`quay.io/x@${a}`]],
    [
      "an object with its flag",
      { "app-ARTIFACT_OUTPUTS": { uri: "quay.io/x", digest: a, isBuildArtifact: "true" } },
      [`quay.io/x@${a}`],
    ],
    [
      "an object without flag where nothing else is named",
      { ARTIFACT_OUTPUTS: { uri: "quay.io/x", digest: a } },
      [`quay.io/x@${a}`],
    ],
    [
      "an object without flag beside a pair",
      { ARTIFACT_OUTPUTS: { uri: "quay.io/x", digest: a }, IMAGE_URL: "quay.io/y", IMAGE_DIGEST: b },
      [`quay.io/y@${b}`],
    ],
    ["an artifact that is an image", { ARTIFACT_URI: "oci://quay.io/x", ARTIFACT_DIGEST: a }, [`quay.io/x@${a}`]],
    [
      "artifacts that say what they are in another way",
      {
        "a-ARTIFACT_URI": "docker://quay.io/x",
        "a-ARTIFACT_DIGEST": a,
        "b-ARTIFACT_URI": "pkg:oci/y?repository_url=quay.io/y",
        "b-ARTIFACT_DIGEST": b,
        "c-ARTIFACT_URI": "pkg:npm/z@1",
        "c-ARTIFACT_DIGEST": a,
      },
      [`quay.io/x@${a}`, `quay.io/y@${b}`],
    ],
    ["an artifact that may be anything", { ARTIFACT_URI: "quay.io/x", ARTIFACT_DIGEST: a }, []],
    ["a matrix", { IMAGE_URL: ["quay.io/x", "quay.io/y"], IMAGE_DIGEST: [a, b] }, [`quay.io/x@${a}`, `quay.io/y@${b}`]],
    [
      "a matrix whose blanks are at different places: no digest goes to another name",
      { IMAGE_URL: ["quay.io/x", "quay.io/y", ""], IMAGE_DIGEST: ["", a, b] },
      [`quay.io/y@${a}`],
    ],
    [
      "a matrix that pushes to one repository",
      { IMAGE_URL: "quay.io/x:1", IMAGE_DIGEST: [a, "", b] },
      [`quay.io/x@${a}`, `quay.io/x@${b}`],
    ],
    [
      "a list that was written as JSON",
      { IMAGES: JSON.stringify([`quay.io/x@${a}`, `quay.io/y@${b}`]) },
      [`quay.io/x@${a}`, `quay.io/y@${b}`],
    ],
    ["a list by blanks", { IMAGES: `quay.io/x@${a} quay.io/y:1@${b}\r\n` }, [`quay.io/x@${a}`, `quay.io/y@${b}`]],
    ["a name with the scheme of a web address", { IMAGE_URL: "https://quay.io/x:1", IMAGE_DIGEST: a }, [`quay.io/x@${a}`]],
    [
      "a name with another digest, which the pair's replaces",
      { IMAGE_URL: `quay.io/x:1@${b}`, IMAGE_DIGEST: a },
      [`quay.io/x@${a}`],
    ],
    [
      "a whole name where nothing else is named",
      { IMAGE_REF: `quay.io/x:1@${a}\n`, OTHER_IMAGE_REF: `quay.io/y@${b}` },
      [`quay.io/x@${a}`],
    ],
    [
      "a whole name beside a pair",
      { IMAGE_REF: `quay.io/x:1@${a}`, IMAGE_URL: "quay.io/y", IMAGE_DIGEST: b },
      [`quay.io/y@${b}`],
    ],
    ["a whole name without digest", { IMAGE_REF: "quay.io/x:1" }, []],
    [
      "an object that names a package",
      { ARTIFACT_OUTPUTS: { uri: "pkg:oci/x?repository_url=quay.io%2Forg%2Fx", digest: a, isBuildArtifact: "true" } },
      [`quay.io/org/x@${a}`],
    ],
    [
      "an object that names a file somewhere",
      { ARTIFACT_OUTPUTS: { uri: "https://files.example/app.jar", digest: a, isBuildArtifact: "true" } },
      [],
    ],
    ["a matrix with a hole", { IMAGE_URL: ["quay.io/x", "quay.io/y"], IMAGE_DIGEST: [a] }, []],
    ["an image of sources", { SOURCE_IMAGE_URL: "quay.io/x", SOURCE_IMAGE_DIGEST: a }, []],
    ["a blob", { SBOM_BLOB_URL: `quay.io/x@${a}` }, []],
    ["nonsense", { IMAGE_URL: { a: 1 }, IMAGE_DIGEST: 7, IMAGES: [null] }, []],
  ])("in %s", (_, texts, expected) => {
    expect(images(texts)).toEqual(expected);
  });

  it("in artifacts of its own", () => {
    const uri = "pkg:oci/checkout?repository_url=quay.example.com/shop/checkout";
    const outputs = [{ name: "image", buildOutput: true, values: [{ uri, digest: { sha256: a.slice(7) } }] }];
    expect(images({}, outputs)).toEqual([`quay.example.com/shop/checkout@${a}`]);
    expect(images({}, [{ values: [{ uri, digest: { sha256: a.slice(7) } }] }])).toEqual([]);
  });

  it("may be ignored by other names", () => {
    expect(images({ APP_IMAGE_URL: "quay.io/x", APP_IMAGE_DIGEST: a }, [], ["*_URL"])).toEqual([]);
  });
});
