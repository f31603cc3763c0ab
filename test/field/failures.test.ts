import { describe, expect, it } from "vitest";
import { parseImageReference } from "../../src/core/images/image-reference.ts";
import { type FailureReason, failureReasons } from "../../src/core/jobs/errors.ts";
import { explainFailure } from "../../src/registry/skopeo/skopeo-errors.ts";
import type { CopySide } from "../../src/registry/skopeo/skopeo-line.ts";

const blob = `sha256:${"b".repeat(64)}`;
const child = `sha256:${"c".repeat(64)}`;

interface Names {
  readonly from?: string;
  readonly to?: string;
  readonly mediaType?: string;
}

function explain(
  line: string,
  { from = "reg.example:5000/shop/app:v1", to = "quay.example.com/mirror/shop-app:v1", mediaType }: Names = {},
) {
  const stderr = `time="2026-11-21T08:00:00Z" level=fatal msg=${JSON.stringify(line)}\n`;
  const names = { source: parseImageReference(from), destination: parseImageReference(to) };
  return explainFailure(
    { code: 1, signal: null, stderr },
    { ...names, mediaType, secrets: [], proxyOf: (registry) => `proxy.example:3128 for ${registry}` },
  );
}

type Row = readonly [said: string, reason: FailureReason, side: CopySide | undefined, names?: Names];

/** What skopeo 1.9 prints, recorded from registries that answered so; names stand for those of the test. */
const initializing =
  "initializing source docker://reg.example:5000/shop/app:v1: reading manifest v1 in reg.example:5000/shop/app: ";
const reuse = `trying to reuse blob ${blob} at destination: `;
const upload = "writing blob: initiating layer upload to /v2/mirror/shop-app/blobs/uploads/ in quay.example.com: ";
const manifest = "writing manifest: uploading manifest v1 to quay.example.com/mirror/shop-app: ";
const html = "<html><head><title>Sorry</title></head></h...";
const ofIndex = "copying image 1/2 from manifest list: ";

const tables: Readonly<Record<string, readonly Row[]>> = {
  "no room, no right, no time: each has its own reason": [
    [
      `${upload}denied: adding 29.0 MiB of storage resource, which when updated to current usage of 9 GiB will exceed the configured upper limit of 10 GiB`,
      "RegistryFull",
      "destination",
    ],
    [
      `${manifest}denied: adding 29.0 MiB of storage resource, will exceed the configured upper limit of 10 GiB`,
      "RegistryFull",
      "destination",
    ],
    [`${upload}denied: Quota has been exceeded on namespace`, "RegistryFull", "destination"],
    [`${upload}unknown: The organization exceeded its storage quota`, "RegistryFull", "destination"],
    [`${upload}StatusCode: 507, ${html}`, "RegistryFull", "destination"],
    [`${upload}StatusCode: 402, ${html}`, "RegistryUnlicensed", "destination"],
    [`${upload}denied: Your trial license has expired`, "RegistryUnlicensed", "destination"],
    [`${manifest}denied: The system is in read only mode. Any modification is prohibited.`, "RegistryReadOnly", "destination"],
    [`${upload}StatusCode: 405, Method not allowed`, "RegistryReadOnly", "destination"],
    [`${upload}unsupported`, "RegistryReadOnly", "destination"],
    [`${upload}denied: Your authorization token has expired. Reauthenticate and try again.`, "LoginExpired", "destination"],
    [`${initializing}unauthorized: token expired, expired token used`, "LoginExpired", "source"],
    [`${upload}denied: session has expired`, "LoginExpired", "destination"],
    [`${upload}unauthorized: expired or revoked token`, "LoginExpired", "destination"],
    [`${manifest}unknown: The image is not signed`, "PolicyViolation", "destination"],
    [
      `${initializing}denied: current image with "Critical" severity of vulnerability cannot be pulled due to configured policy in 'Prevent images'`,
      "PolicyViolation",
      "source",
    ],
    [`${manifest}StatusCode: 451, ${html}`, "PolicyViolation", "destination"],
    [`${upload}StatusCode: 413, ${html}`, "UploadTooLarge", "destination"],
    [
      `${upload}denied: User: arn:aws:iam::1:user/x is not authorized to perform: ecr:InitiateLayerUpload because no identity-based policy allows it`,
      "RegistryDenied",
      "destination",
    ],
    [`${initializing}denied: You have reached your pull rate limit.`, "RateLimited", "source"],
    [`${upload}denied: repository size limit has been reached`, "RegistryFull", "destination"],
    [
      `${upload}denied: Your action has been rejected because the namespace storage limit has been reached.`,
      "RegistryFull",
      "destination",
    ],
    [
      `${upload}unknown: Datastore disk usage is too high. Contact your Artifactory administrator to change the disk quota limits.`,
      "RegistryFull",
      "destination",
    ],
    [`${upload}denied: The registry myregistry has exceeded its storage capacity`, "RegistryFull", "destination"],
    [`${manifest}denied: you have reached the maximum number of private repositories`, "RegistryFull", "destination"],
    [`${manifest}denied: The maximum number of images has been exceeded: LimitExceededException`, "RegistryFull", "destination"],
    [
      `${manifest}denied: requested access to the resource is denied: exceeds the maximum limit for openshift.io/ImageStream`,
      "RegistryFull",
      "destination",
    ],
    [`${upload}denied: The repository is in a frozen state`, "RegistryReadOnly", "destination"],
    [`${upload}denied: The operation is not allowed because the repository is locked`, "RegistryReadOnly", "destination"],
    [`${upload}unknown: Repository 'docker-local' is blacked out and cannot accept artifact`, "RegistryReadOnly", "destination"],
    [`${upload}unauthorized: expired_token`, "LoginExpired", "destination"],
    [`${upload}unauthorized: JWT expired at 2026-01-01`, "LoginExpired", "destination"],
    [
      `${upload}denied: not authorized to access KMS key because the key policy does not allow it`,
      "RegistryDenied",
      "destination",
    ],
    [
      `${upload}denied: client with IP '1.2.3.4' is not allowed access. Refer https://aka.ms/acr/firewall to grant access.`,
      "RegistryDenied",
      "destination",
    ],
    [`${upload}denied: permission_denied: write_package`, "RegistryDenied", "destination"],
  ],
  "a wish for fewer requests, however it is worded": [
    [`${upload}toomanyrequests: Rate exceeded`, "RateLimited", "destination"],
    [
      `${upload}denied: Quota exceeded for quota metric 'Requests per project per region' and limit 'Requests'`,
      "RateLimited",
      "destination",
    ],
    [`${initializing}denied: Quota exceeded for quota metric 'Read requests per minute'`, "RateLimited", "source"],
    [`${initializing}unauthorized: too many failed login attempts for username or IP address`, "RateLimited", "source"],
    [`${initializing}unknown: request limit reached, slow down`, "RateLimited", "source"],
    [`${initializing}denied: You have exceeded a secondary rate limit`, "RateLimited", "source"],
    [`${initializing}StatusCode: 403, You have exceeded the download rate limit`, "RateLimited", "source"],
    [`reading blob ${blob}: fetching blob: StatusCode: 429, `, "RateLimited", "source"],
  ],
  "a page of a proxy or gateway counts by its status": [
    [`${initializing}StatusCode: 403, ${html}`, "RegistryDenied", "source"],
    [`${initializing}StatusCode: 404, ${html}`, "ImageNotFound", "source"],
    [`${upload}StatusCode: 403, ${html}`, "RegistryDenied", "destination"],
    [`writing blob: uploading layer chunked: StatusCode: 403, ${html}`, "RegistryDenied", "destination"],
    [
      `writing blob: uploading layer to http://quay.example.com/v2/mirror/x/uploads/denied?_state=eof&digest=${blob}: StatusCode: 403, ${html}`,
      "RegistryDenied",
      "destination",
    ],
    [`${manifest}StatusCode: 403, ${html}`, "RegistryDenied", "destination"],
    [`${upload}StatusCode: 404, ${html}`, "NoSuchRepository", "destination"],
    [`${upload}StatusCode: 408, ${html}`, "RegistryUnavailable", "destination"],
    [`${upload}StatusCode: 423, ${html}`, "RegistryReadOnly", "destination"],
    [`${initializing}StatusCode: 410, ${html}`, "ImageNotFound", "source"],
    [`${upload}StatusCode: 409, ${html}`, "CopyFailed", "destination"],
    [`${manifest}StatusCode: 412, ${html}`, "PolicyViolation", "destination"],
    [`${manifest}StatusCode: 415, ${html}`, "UnsupportedImage", "destination"],
    [`${manifest}StatusCode: 422, ${html}`, "UnsupportedImage", "destination"],
    [`${reuse}failed to read from destination repository mirror/shop-app: 403 (Forbidden)`, "RegistryDenied", "destination"],
    [
      `${reuse}failed to read from destination repository mirror/shop-app: 502 (Bad Gateway)`,
      "RegistryUnavailable",
      "destination",
    ],
  ],
  "what lasts for moments is tried again, though it is called a denial": [
    [`${upload}denied: Repository is being renamed. Try again later`, "RegistryUnavailable", "destination"],
    [`${upload}denied: this account is temporarily blocked`, "RegistryUnavailable", "destination"],
    [
      `reading blob ${blob}: fetching blob: StatusCode: 403, <Message>Request has expired</Message>`,
      "RegistryUnavailable",
      "source",
    ],
    [`reading blob ${blob}: fetching blob: StatusCode: 403, <Code>RequestTimeTooSkewed</Code>`, "RegistryUnavailable", "source"],
    [`${manifest}denied: The number of images exceeded the limit of this repository`, "RegistryFull", "destination"],
    [`${upload}denied: namespace has been disabled. Please contact a system administrator.`, "RegistryDenied", "destination"],
    [`${upload}denied: can not push artifact to a proxy project: mirror`, "RegistryDenied", "destination"],
    [`${upload}denied: installation not allowed to Create organization package`, "RegistryDenied", "destination"],
    [
      `${reuse}unable to retrieve auth token: invalid username/password: unauthorized: Application not registered with AAD.`,
      "RegistryDenied",
      "destination",
    ],
  ],
  "what a proxy answers is the proxy's": [
    ['Get "https://reg.example:5000/v2/": Not Found', "ProxyRefused", "source"],
    ['Get "https://reg.example:5000/v2/": authenticationrequired', "ProxyRefused", "source"],
    [
      `${reuse}pinging container registry quay.example.com: Get "https://quay.example.com/v2/": Blocked by policy`,
      "ProxyRefused",
      "destination",
    ],
    [
      `${reuse}pinging container registry quay.example.com: Get "https://quay.example.com/v2/": proxyconnect tcp: tls: first record does not look like a TLS handshake`,
      "ProxyRefused",
      "destination",
    ],
    [`reading blob ${blob}: Get "https://cdn.reg.example/x": stopped after 10 redirects`, "CopyFailed", "source"],
    ['Get "https://reg.example:5000/v2/": context deadline exceeded', "TimedOut", "source"],
    [
      'initializing source docker://reg.example:5000/shop/app:v1: pinging container registry reg.example:5000: Get "https://reg.example:5000/v2/": Proxy Authentication Required',
      "ProxyRefused",
      "source",
    ],
    [
      `${reuse}pinging container registry quay.example.com: Get "https://quay.example.com/v2/": Forbidden`,
      "ProxyRefused",
      "destination",
    ],
    [
      `${reuse}pinging container registry quay.example.com: Get "https://quay.example.com/v2/": Bad Gateway`,
      "ProxyRefused",
      "destination",
    ],
    [
      `${reuse}pinging container registry quay.example.com: Get "https://quay.example.com/v2/": Not Allowed`,
      "ProxyRefused",
      "destination",
    ],
    ['Get "https://quay.example.com/v2/": Gateway Timeout', "ProxyRefused", "destination"],
    [
      `${reuse}pinging container registry quay.example.com: Get "https://quay.example.com/v2/": proxyconnect tcp: dial tcp 10.0.0.1:3128: connect: connection refused`,
      "ProxyRefused",
      "destination",
    ],
    ['Get "https://reg.example:5000/v2/": proxyconnect tcp: dial tcp: lookup proxy.corp: no such host', "ProxyRefused", "source"],
  ],
  "a token service's status says nothing about an image": [
    [
      "initializing source docker://reg.example:5000/shop/app:v1: Requesting bear token: invalid status code from registry 404 (Not Found)",
      "CopyFailed",
      "source",
    ],
    [`${reuse}Requesting bearer token: invalid status code from registry 405 (Method Not Allowed)`, "CopyFailed", "destination"],
    [`${reuse}Requesting bear token: invalid status code from registry 403 (Forbidden)`, "RegistryDenied", "destination"],
    [
      `${reuse}requesting bearer token: invalid status code from registry 503 (Service Unavailable)`,
      "RegistryUnavailable",
      "destination",
    ],
  ],
  "a registry that lost sight of what was just pushed is tried again": [
    [`${manifest}manifest blob unknown`, "CopyFailed", "destination"],
    [`${manifest}blob unknown`, "CopyFailed", "destination"],
    [`${manifest}blob unknown to registry`, "CopyFailed", "destination"],
    [`${manifest}blob upload unknown`, "CopyFailed", "destination"],
    [`${manifest}digest invalid: provided digest did not match uploaded content`, "CopyFailed", "destination"],
    [`${manifest}manifest invalid`, "CopyFailed", "destination"],
    [`${manifest}manifest unknown`, "CopyFailed", "destination"],
    [`${manifest}StatusCode: 404, ${html}`, "CopyFailed", "destination"],
    [`writing blob: uploading layer chunked: StatusCode: 404, ${html}`, "CopyFailed", "destination"],
    [`writing blob: uploading layer chunked: unknown: upload session not found`, "CopyFailed", "destination"],
    [`${manifest}unknown: Layers with digests '[${blob}]' required for pushing image not found`, "CopyFailed", "destination"],
    [`${manifest}unknown: artifact mirror/shop-app@${blob} not found`, "CopyFailed", "destination"],
  ],
  "a repository that must exist beforehand is told from an image that is gone": [
    [`${upload}name unknown`, "NoSuchRepository", "destination"],
    [
      `${upload}name unknown: The repository with name 'm' does not exist in the registry with id '123'`,
      "NoSuchRepository",
      "destination",
    ],
    [`${upload}unknown: project mirror not found`, "NoSuchRepository", "destination"],
    [`${upload}unknown: Unable to find repository docker-locall`, "NoSuchRepository", "destination"],
    [`${initializing}unknown: artifact shop/app:v1 not found`, "ImageNotFound", "source"],
    [`${initializing}name unknown`, "ImageNotFound", "source"],
    [`${initializing}manifest unknown: manifest unknown`, "ImageNotFound", "source"],
    [`${upload}name invalid`, "BadReference", "destination"],
  ],
  "kinds of images that a copy cannot keep as they are": [
    [
      `${ofIndex}Manifest list must be converted to type "application/vnd.oci.image.index.v1+json" to be written to destination, but we cannot modify it: "Instructed to preserve digests"`,
      "UnsupportedImage",
      undefined,
    ],
    [
      "creating an updated image manifest: zstd compression is not supported for docker images",
      "UnsupportedImage",
      "destination",
    ],
    [
      `${manifest}manifest invalid`,
      "UnsupportedImage",
      "destination",
      { mediaType: "application/vnd.oci.image.manifest.v1+json" },
    ],
    [`${manifest}manifest invalid: manifest schema version not supported`, "UnsupportedImage", "destination"],
    [`${ofIndex}Unexpectedly received a manifest list instead of a manifest for a single image`, "NestedIndex", undefined],
    [
      "Source image rejected: Running image docker://reg.example:5000/shop/app:v1 is rejected by policy.",
      "SignatureRefused",
      "source",
    ],
    ["Source image rejected: A signature was required, but no signature exists", "SignatureRefused", "source"],
    [`${ofIndex}Source image rejected: Signature for identity reg.example/x is not accepted`, "SignatureRefused", "source"],
    ["can not copy reg.example:5000/shop/app:v1: manifest must be converted to type", "UnsupportedImage", "source"],
  ],
  "images of several platforms: the fault is on the side where it happened": [
    [
      `${ofIndex}reading blob ${blob}: Error fetching blob: invalid status code from registry 404 (Not Found)`,
      "ImageNotFound",
      "source",
    ],
    [
      `${ofIndex}reading blob ${blob}: Error fetching blob: invalid status code from registry 403 (Forbidden)`,
      "RegistryDenied",
      "source",
    ],
    [`${ofIndex}reading blob ${blob}: too many requests to registry`, "RateLimited", "source"],
    [
      `${ofIndex}reading blob ${blob}: Error fetching blob: invalid status code from registry 500 (Internal Server Error)`,
      "RegistryUnavailable",
      "source",
    ],
    [
      `${ofIndex}writing manifest: uploading manifest ${child} to quay.example.com/mirror/shop-app: denied: no`,
      "RegistryDenied",
      "destination",
    ],
    [
      `${ofIndex}${reuse}failed to read from destination repository mirror/shop-app: 429 (Too Many Requests)`,
      "RateLimited",
      "destination",
    ],
    [
      `${ofIndex}determining manifest MIME type for docker://reg.example:5000/shop/app:v1: reading manifest ${child} in reg.example:5000/shop/app: manifest unknown`,
      "IncompleteImage",
      "source",
    ],
    [
      `writing blob: Patch "https://quay.example.com/v2/x": readfrom tcp 10.0.0.1:1->10.0.0.2:2: happened during read: unexpected EOF`,
      "RegistryUnavailable",
      "source",
    ],
    [`copying instance 2/3: reading blob ${blob}: fetching blob: StatusCode: 403, ${html}`, "RegistryDenied", "source"],
    ['Get "https://reg.example:5000/v2/": remote error: tls: handshake failure', "RegistryUnavailable", "source"],
    ["something nobody has seen before", "CopyFailed", undefined],
  ],
  "what is between here and a registry": [
    ['Get "https://reg.example:5000/v2/": tls: first record does not look like a TLS handshake', "RegistryUntrusted", "source"],
    [
      'Get "https://reg.example:5000/v2/": dial tcp: lookup reg.example: Temporary failure in name resolution',
      "RegistryUnavailable",
      "source",
    ],
    [
      'writing blob: Put "https://quay.example.com/v2/x": dial tcp 10.0.0.2:443: connect: connection timed out',
      "RegistryUnavailable",
      "destination",
    ],
    [
      'writing blob: Put "https://quay.example.com/v2/x": dial tcp 10.0.0.2:443: connect: operation not permitted',
      "RegistryUnavailable",
      "destination",
    ],
    [
      'writing blob: Patch "https://quay.example.com/v2/x": net/http: HTTP/1.x transport connection broken: write tcp 10.0.0.1:1->10.0.0.2:443: write: connection timed out',
      "RegistryUnavailable",
      "destination",
    ],
  ],
  "names are no words": [
    [
      "writing manifest: uploading manifest v1 to quay.example.com/mirror/shop-denied: received unexpected HTTP status: 500 Internal Server Error",
      "RegistryUnavailable",
      "destination",
      { to: "quay.example.com/mirror/shop-denied:v1" },
    ],
    [
      "initializing source docker://reg.example/shop/denied:v1: reading manifest v1 in reg.example/shop/denied: received unexpected HTTP status: 500 Internal Server Error",
      "RegistryUnavailable",
      "source",
      { from: "reg.example/shop/denied:v1" },
    ],
    [
      "initializing source docker://reg.example/page/access-denied:denied: reading manifest denied in reg.example/page/access-denied: received unexpected HTTP status: 503 Service Unavailable",
      "RegistryUnavailable",
      "source",
      { from: "reg.example/page/access-denied:denied" },
    ],
    [
      "writing manifest: uploading manifest unauthorized to quay.example.com/mirror/toomanyrequests: received unexpected HTTP status: 500 Internal Server Error",
      "RegistryUnavailable",
      "destination",
      { to: "quay.example.com/mirror/toomanyrequests:unauthorized" },
    ],
    [
      "writing manifest: uploading manifest v1 to quay.example.com/eof: manifest invalid",
      "CopyFailed",
      "destination",
      { to: "quay.example.com/eof:v1" },
    ],
    [
      `${reuse}failed to read from destination repository denied: 500 (Internal Server Error)`,
      "RegistryUnavailable",
      "destination",
      { to: "quay.example.com/denied:v1" },
    ],
    [
      "writing blob: initiating layer upload to /v2/x509/no-space-left-on-device/blobs/uploads/ in quay.example.com: unavailable",
      "RegistryUnavailable",
      "destination",
      { to: "quay.example.com/x509/no-space-left-on-device:v1" },
    ],
  ],
};

describe.each(Object.entries(tables))("%s", (_, rows) => {
  it.each(rows.map(([line, reason, side, names]) => ({ line, reason, side, names })))(
    "$line",
    ({ line, reason, side, names }) => {
      expect(explain(line, names)).toMatchObject({ reason, side, retryable: failureReasons[reason].retryable });
    },
  );
});

describe("the message", () => {
  it("names what an index lacks", () => {
    const line = `${ofIndex}determining manifest MIME type for docker://reg.example:5000/shop/app:v1: reading manifest ${child} in reg.example:5000/shop/app: manifest unknown`;
    expect(explain(line).message).toContain(`the index names ${child}, which reg.example:5000 does not have`);
  });

  it("names no proxy where there is none", () => {
    const stderr = 'level=fatal msg="Get \\"https://quay.example.com/v2/\\": Not Found"';
    const names = { source: parseImageReference("reg.example/a"), destination: parseImageReference("quay.example.com/a") };
    const failure = explainFailure({ code: 1, signal: null, stderr }, { ...names, secrets: [] });
    expect(failure).toMatchObject({ reason: "CopyFailed", side: "destination" });
  });

  it("names the proxy that refused", () => {
    expect(explain('Get "https://quay.example.com/v2/": Forbidden').message).toContain(
      "the proxy is proxy.example:3128 for quay.example.com",
    );
  });
});
