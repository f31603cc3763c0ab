import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { AnalysisRequest } from "../../src/analyzers/analyzer.ts";
import type { DocumentSource, DocumentWish, SbomDocument } from "../../src/analyzers/documents/documents.ts";
import { createHttpEndpoint, type HttpEndpoint } from "../../src/analyzers/http/http.ts";
import type { Service } from "../../src/analyzers/service.ts";
import { systemClock } from "../../src/core/clock.ts";
import { parseImageReference } from "../../src/core/images/image-reference.ts";
import type { EmulatedService } from "../../src/demo/services/service.ts";

export const digest = `sha256:${"9f".repeat(32)}` as const;
export const never = new AbortController().signal;

/** A build's image, as a job hands it to an analyzer. */
export const request = {
  jobId: "build-1",
  output: { reference: parseImageReference(`quay.example.com/shop/checkout:1.8.3@${digest}`), verifyTls: true },
  build: { namespace: "shop", name: "checkout-7" },
  origin: "https://git.example.com/shop/checkout.git",
} satisfies AnalysisRequest;

/** Listens until the test has ended. */
export async function listening<T extends EmulatedService>(service: T): Promise<T> {
  await service.listen();
  onTestFinished(() => service.close());
  return service;
}

/** An endpoint at an emulated service, or at any URL. */
export function endpointAt(url: string, service: Service, timeout = 60_000): HttpEndpoint {
  const endpoint = createHttpEndpoint({ url, service, verifyTls: true, timeout, clock: systemClock });
  onTestFinished(() => endpoint.close());
  return endpoint;
}

/** A file with a secret; rewrite it by `writeFileSync`. */
export function secretFile(text: string): string {
  const directory = mkdtempSync(join(tmpdir(), "bw-secret-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "secret");
  writeFileSync(path, text);
  return path;
}

/** What a promise fails with. */
export function failureOf(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => {
      throw new Error("It did not fail");
    },
    (error: Error) => error,
  );
}

/** Everything of an error that could be shown. */
export function shown(error: Error): string {
  return JSON.stringify({ ...error, message: error.message, stack: error.stack, cause: error.cause });
}

/** A source that has a document of so many packages for every image, and remembers what was asked of it. */
export function documentsOf(
  packages = 2,
  found: Partial<SbomDocument> = {},
): DocumentSource & { readonly wishes: DocumentWish[] } {
  const wishes: DocumentWish[] = [];
  return {
    wishes,
    async documentOf(_image, wish) {
      wishes.push(wish);
      const components = Array.from({ length: packages }, (_, index) => ({ type: "library", name: `package-${index}` }));
      const text = JSON.stringify({ bomFormat: "CycloneDX", specVersion: wish.cycloneDx ?? "1.6", components });
      return { format: "cyclonedx", text, coverage: "complete", packages, ...found };
    },
  };
}
