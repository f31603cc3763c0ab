import { describe, expect, it, onTestFinished } from "vitest";
import { type Digest, isDigest } from "../../src/core/images/image-reference.ts";
import { attach } from "../../src/registry/attach.ts";
import { referrersTag } from "../../src/registry/referrers.ts";
import { startHttpServer } from "../support/http-server.ts";
import { requirePrograms } from "../support/programs.ts";
import { digestOf, type MadeImage, makeImage } from "../support/registry-images.ts";
import { openTestParts } from "../support/registry-parts.ts";
import { startRegistry } from "../support/registry-server.ts";

const signal = new AbortController().signal;
const type = "application/vnd.cyclonedx+json";
const sbom = (text: string) => ({ mediaType: type, title: "sbom.cdx.json", bytes: Buffer.from(text) });

function senderTo(host: string) {
  const parts = openTestParts();
  onTestFinished(() => parts.close());
  const access = { login: undefined, verifyTls: false, certificates: "" };
  return parts.http.open({ registry: host, repository: "mirror/app", actions: "pull,push", ...access });
}

requirePrograms("docker-registry")("attaching where a registry has no referrers API", () => {
  it("keeps the list under its tag, with what others put there, and leaves one of the same type alone", async () => {
    const registry = await startRegistry();
    onTestFinished(() => registry.close());
    const image = makeImage();
    const digest = image.digest;
    await registry.push("mirror/app", image, `digest-${digest.slice(7)}`);
    const send = senderTo(registry.host);
    const list = async () => {
      const path = `manifests/${referrersTag(digest)}`;
      const headers = { Accept: "application/vnd.oci.image.index.v1+json" };
      return JSON.parse((await send({ method: "GET", path, headers }, signal)).body.toString()).manifests;
    };
    expect(await attach(send, digest, { ...sbom("{}"), mediaType: "application/x.other" }, signal)).toBe("attached");
    expect(await attach(send, digest, sbom('{"one":1}'), signal)).toBe("attached");
    expect(await attach(send, digest, sbom('{"two":2}'), signal)).toBe("present");
    expect(await list()).toMatchObject([{ artifactType: "application/x.other" }, { artifactType: type }]);
    const [, { digest: manifest }] = await list();
    const found = await send(
      { method: "GET", path: `manifests/${manifest}`, headers: { Accept: "application/vnd.oci.image.manifest.v1+json" } },
      signal,
    );
    expect(JSON.parse(found.body.toString())).toMatchObject({ artifactType: type, subject: { digest } });
    expect(await registry.digest("mirror/app", `digest-${digest.slice(7)}`)).toBe(digest);
  });

  it("overwrites no image that lies under the list's tag, of whatever format", async () => {
    const registry = await startRegistry();
    onTestFinished(() => registry.close());
    const oci = "application/vnd.oci.image.manifest.v1+json";
    const asOci = (image: MadeImage): MadeImage => {
      const fields = JSON.parse(image.manifest.toString());
      const config = { ...fields.config, mediaType: "application/vnd.oci.image.config.v1+json" };
      const manifest = Buffer.from(JSON.stringify({ ...fields, mediaType: oci, config }));
      return { ...image, mediaType: oci, manifest, digest: digestOf(manifest) };
    };
    for (const other of [makeImage(), asOci(makeImage())]) {
      const image = makeImage();
      await registry.push("mirror/app", image);
      await registry.push("mirror/app", other, referrersTag(image.digest));
      await expect(attach(senderTo(registry.host), image.digest, sbom("{}"), signal)).rejects.toThrow("names something else");
      expect(await registry.digest("mirror/app", referrersTag(image.digest))).toBe(other.digest);
    }
  });
});

describe("attaching where a registry has the referrers API", () => {
  it("leaves the list to it", async () => {
    const image = makeImage();
    const registry = await startReferrersRegistry(image.digest, image.manifest);
    const send = senderTo(registry.host);
    expect(await attach(send, image.digest, sbom('{"one":1}'), signal)).toBe("attached");
    expect(await attach(send, image.digest, sbom('{"two":2}'), signal)).toBe("present");
    expect(registry.tags).toEqual([]);
    expect(registry.blobs.get(digestOf(Buffer.from('{"one":1}')))?.toString()).toBe('{"one":1}');
  });
});

/** A small registry of OCI distribution 1.1: it lists what refers to an image itself. */
async function startReferrersRegistry(image: Digest, manifest: Buffer) {
  const blobs = new Map<string, Buffer>();
  const referrers: object[] = [];
  const tags: string[] = [];
  const server = await startHttpServer(async (request, response) => {
    const url = new URL(request.url ?? "/", "http://registry");
    const pieces: Buffer[] = [];
    for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
    const body = Buffer.concat(pieces);
    const last = url.pathname.split("/").at(-1) ?? "";
    const answer = (status: number, headers: Record<string, string> = {}, text: string | Buffer = "") =>
      response.writeHead(status, headers).end(text);
    if (url.pathname === "/v2/") return answer(200);
    if (url.pathname.includes("/referrers/"))
      return answer(
        200,
        { "Content-Type": "application/vnd.oci.image.index.v1+json" },
        JSON.stringify({ schemaVersion: 2, manifests: referrers }),
      );
    if (request.method === "POST") return answer(202, { Location: `${url.pathname}some?state=1` });
    if (request.method === "PUT" && url.pathname.includes("/uploads/")) {
      blobs.set(url.searchParams.get("digest") ?? "", body);
      return answer(201);
    }
    if (request.method === "PUT") {
      if (!isDigest(last)) tags.push(last);
      const { artifactType, subject } = JSON.parse(body.toString());
      referrers.push({ digest: last, size: body.length, artifactType });
      return answer(201, { "OCI-Subject": subject.digest });
    }
    const isImage = last === image && url.pathname.includes("/manifests/");
    if (isImage) return answer(200, { "Content-Type": "application/vnd.docker.distribution.manifest.v2+json" }, manifest);
    return answer(404);
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  return { host: server.host, blobs, tags };
}
