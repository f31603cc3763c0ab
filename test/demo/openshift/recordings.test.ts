import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createOpenShiftApi, type OpenShiftApi } from "../../../src/demo/openshift-api.ts";
import {
  type RecordedList,
  type RecordedObject,
  recorded,
  recordedBuilds,
  recordedImageStreams,
  recordedText,
  recordedWatch,
} from "../../support/fixtures.ts";
import { openWatch } from "../../support/watch-stream.ts";

const nobody = "system:serviceaccount:golang-builder:nobody";
const builds = "/apis/build.openshift.io/v1/namespaces/golang-builder/builds";
const imageStreams = "/apis/image.openshift.io/v1/namespaces/golang-builder/imagestreams";

let api: OpenShiftApi;

beforeEach(async () => {
  api = createOpenShiftApi({ user: nobody });
  await api.listen();
  for (const build of recordedBuilds()) api.put("builds", build);
  for (const stream of recordedImageStreams()) api.put("imagestreams", stream);
});

afterEach(() => api.close());

async function get<T>(path: string): Promise<{ status: number; body: T }> {
  const response = await fetch(`${api.url}${path}`);
  expect(response.headers.get("content-type")).toBe("application/json");
  return { status: response.status, body: (await response.json()) as T };
}

/** An answer as it comes, numbers that every cluster counts for itself taken out. */
async function getText(path: string, headers: Readonly<Record<string, string>> = {}) {
  const response = await fetch(`${api.url}${path}`, { headers });
  const text = await response.text();
  return { status: response.status, type: response.headers.get("content-type"), text: uncounted(text) };
}

/** The recorded error, to the byte and in its order of fields, but for the line breaks that `curl` is sent. */
function recordedError(status: number, file: string) {
  return { status, type: "application/json", text: uncounted(`${JSON.stringify(recorded(file))}\n`) };
}

function uncounted(text: string): string {
  return text.replace(/current: \d+/, "current: N");
}

/** The same without versions, which every cluster counts for itself. */
function withoutVersions<T>(list: RecordedList<T>) {
  const items = list.items.map(({ metadata: { resourceVersion: _, ...metadata }, ...item }: RecordedObject) => ({
    ...item,
    metadata,
  }));
  return { kind: list.kind, apiVersion: list.apiVersion, keys: Object.keys(list.metadata), items };
}

/** A page token, opened, without its version. */
function openToken(token: string | undefined) {
  const { rv: _, ...rest } = JSON.parse(Buffer.from(token ?? "", "base64url").toString());
  return rest;
}

describe("a list", () => {
  it.each([
    [builds, "build-list.json"],
    [imageStreams, "imagestream-list.json"],
  ])("of %s is answered as recorded in %s", async (path, file) => {
    const { body } = await get<RecordedList<unknown>>(path);
    expect(withoutVersions(body)).toEqual(withoutVersions(recorded<RecordedList<unknown>>(file)));
  });

  it("comes in the recorded pages", async () => {
    const first = await get<RecordedList<unknown>>(`${builds}?limit=4`);
    const second = await get<RecordedList<unknown>>(`${builds}?limit=4&continue=${first.body.metadata.continue}`);
    const third = await get<RecordedList<unknown>>(`${builds}?limit=4&continue=${second.body.metadata.continue}`);
    for (const [{ body }, file] of [
      [first, "build-list-page1.json"],
      [second, "build-list-page2.json"],
    ] as const) {
      const page = recorded<RecordedList<unknown>>(file);
      expect(withoutVersions(body)).toEqual(withoutVersions(page));
      expect(openToken(body.metadata.continue)).toEqual(openToken(page.metadata.continue));
      expect(body.metadata.remainingItemCount).toBe(page.metadata.remainingItemCount);
    }
    expect(third.body.items).toHaveLength(2);
    expect(third.body.metadata.continue).toBeUndefined();
  });

  it("of a namespace that does not exist is empty", async () => {
    const { status, body } = await get<RecordedList<unknown>>("/apis/build.openshift.io/v1/namespaces/nowhere/builds");
    expect(status).toBe(200);
    expect(withoutVersions(body)).toEqual(withoutVersions(recorded<RecordedList<unknown>>("status-404-namespace-list.json")));
  });
});

describe("an error", () => {
  it("for a build that does not exist is the recorded one", async () => {
    expect(await getText(`${builds}/nope`)).toEqual(recordedError(404, "status-404-build.json"));
  });

  it("for an unknown token is the recorded one", async () => {
    api.setTokens({ good: nobody });
    expect(await getText(builds, { authorization: "Bearer stale" })).toEqual(recordedError(401, "status-401.json"));
  });

  it.each([
    [builds, "status-403-builds.json"],
    [`${builds}?watch=true`, "status-403-watch.json"],
    [imageStreams, "status-403-imagestreams.json"],
  ])("for a user without rights on %s is the recorded one", async (path, file) => {
    api.setRules([]);
    expect(await getText(path)).toEqual(recordedError(403, file));
  });

  it("for a version not reached yet is the recorded one", async () => {
    expect(await getText(`${builds}?resourceVersion=99999999`)).toEqual(recordedError(504, "status-504-future-rv.json"));
  });

  it.each(["/apis/none.example/v1", "/apis/none.example/v1/namespaces/shop/things", "/apis/tekton.dev/v1/pipelineruns"])(
    "for %s, of a group that the cluster does not have, is a text, as for every path that it does not know",
    async (path) => {
      expect(await getText(path)).toEqual({ status: 404, type: "text/plain; charset=utf-8", text: "404 page not found\n" });
    },
  );

  it("for what a known group does not have is a Status", async () => {
    expect(await get("/apis/build.openshift.io/v1/namespaces/shop/things")).toMatchObject({
      status: 404,
      body: { kind: "Status", reason: "NotFound", message: "the server could not find the requested resource", details: {} },
    });
  });

  it("for an expired page token is the recorded one, with a token that goes on", async () => {
    const first = await get<RecordedList<unknown>>(`${builds}?limit=3`);
    api.expire();
    const expired = await get<{ metadata: { continue: string } }>(`${builds}?limit=3&continue=${first.body.metadata.continue}`);
    expect(expired).toEqual({ status: 410, body: recorded("status-410-list-continue.json") });
    const again = await getText(`${builds}?limit=3&continue=${first.body.metadata.continue}`);
    expect(again).toEqual(recordedError(410, "status-410-list-continue.json"));
    const { body } = await get<RecordedList<unknown>>(`${builds}?continue=${expired.body.metadata.continue}`);
    expect(body.items.map(({ metadata }) => metadata.name)).toEqual(
      recordedBuilds()
        .slice(3)
        .map(({ metadata }) => metadata.name),
    );
  });
});

describe("a watch", () => {
  it("from a version no longer known answers 200 and one recorded ERROR event", async () => {
    const watch = await openWatch(`${api.url}${builds}?watch=true&resourceVersion=5`);
    const oldest = /\(\d+\)/;
    expect(watch.status).toBe(200);
    expect((await watch.nextLine())?.replace(oldest, "")).toBe(recordedText("watch-410.ndjson").trim().replace(oldest, ""));
    expect(await watch.nextLine()).toBeUndefined();
  });

  it("gets bookmarks of the recorded shape", async () => {
    const watch = await openWatch(`${api.url}${builds}?watch=true&resourceVersion=520&allowWatchBookmarks=true`);
    api.bookmark();
    const sent = (await watch.nextLine()) ?? "";
    const [line = ""] = recordedText("watch-bookmark.ndjson").split("\n");
    expect(sent.replace(/"resourceVersion":"\d+"/, "")).toBe(line.replace(/"resourceVersion":"\d+"/, ""));
    watch.close();
  });

  it("tells the recorded lives of the builds, event by event", async () => {
    for (const { metadata } of recordedBuilds()) api.remove("builds", metadata.namespace, metadata.name);
    const { body } = await get<RecordedList<unknown>>(builds);
    const watch = await openWatch(`${api.url}${builds}?watch=true&resourceVersion=${body.metadata.resourceVersion}`);
    for (const { type, object } of recordedWatch()) {
      if (type === "DELETED") api.remove("builds", object.metadata.namespace, object.metadata.name);
      else api.put("builds", object);
      const event = await watch.next();
      const { resourceVersion: _, ...metadata } = (event?.object.metadata ?? {}) as RecordedObject["metadata"];
      const { resourceVersion: __, ...expected } = object.metadata;
      expect({ type: event?.type, object: { ...event?.object, metadata } }).toEqual({
        type,
        object: { ...object, metadata: expected },
      });
    }
    watch.close();
  });
});

describe("a server that just started", () => {
  it("refuses in the three ways of one that has not loaded its groups and rights, then knows no version from before", async () => {
    const { metadata } = (await get<RecordedList<unknown>>(builds)).body;
    const start = api.restart();
    expect(await getText(builds)).toEqual({ status: 404, type: "text/plain; charset=utf-8", text: "404 page not found\n" });
    for (const user of ["system:anonymous", nobody]) {
      const { status, body } = await get<{ message: string }>(`${builds}?watch=true`);
      expect({ status, body }).toEqual({
        status: 403,
        body: { ...recorded("status-403-watch.json"), message: expect.stringContaining(`User "${user}" cannot watch`) },
      });
    }
    expect((await getText(builds)).status).toBe(404);
    start.ready();
    const watch = await openWatch(`${api.url}${builds}?watch=true&resourceVersion=${metadata.resourceVersion}`);
    expect(await watch.next()).toMatchObject({ type: "ERROR", object: { code: 410, reason: "Expired" } });
  });
});
