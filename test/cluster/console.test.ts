import { expect, it } from "vitest";
import { ApiError } from "../../src/cluster/api/api-error.ts";
import { askConsoleUrl } from "../../src/cluster/console.ts";

const signal = new AbortController().signal;

function answering(answer: unknown) {
  const asked: string[] = [];
  const getJson = async (path: string) => {
    asked.push(path);
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return { asked, url: () => askConsoleUrl({ getJson }, signal) };
}

it("finds the console where its operator wrote it", async () => {
  const { asked, url } = answering({
    kind: "ConfigMap",
    data: { consoleURL: "https://console-openshift-console.apps.example.com" },
  });
  expect(await url()).toBe("https://console-openshift-console.apps.example.com");
  expect(asked).toEqual(["/api/v1/namespaces/openshift-config-managed/configmaps/console-public"]);
});

it.each([{}, { data: {} }, { data: { consoleURL: 7 } }, { data: { consoleURL: "javascript:alert(1)" } }])(
  "finds none in %j",
  async (answer) => {
    expect(await answering(answer).url()).toBeUndefined();
  },
);

it.each(["Forbidden", "NotFound"] as const)("finds none where the cluster answers %s", async (fault) => {
  expect(await answering(new ApiError(fault, "no")).url()).toBeUndefined();
});

it("does not take an outage for an answer", async () => {
  await expect(answering(new ApiError("Unavailable", "down")).url()).rejects.toThrow("down");
});
