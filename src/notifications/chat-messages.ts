import type { Notification } from "./notifier.ts";

/** The formats of notifications. */
const notifyFormats = ["cloudevents", "slack", "teams"] as const;
export type NotifyFormat = (typeof notifyFormats)[number];

/** A notification for people. It holds outside text, which each format escapes in its own way. */
interface Told {
  readonly title: string;
  readonly tone: "good" | "bad" | "plain";
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly link: string | undefined;
}

/** The body for a chat's incoming web hook. `jobUrl` is the page of the event's job. */
export function chatMessage(
  event: Notification,
  format: Exclude<NotifyFormat, "cloudevents">,
  jobUrl: string | undefined,
): object {
  const told = tell(event, jobUrl);
  return format === "slack" ? slackMessage(told) : teamsMessage(told);
}

const words: Readonly<Record<string, readonly [title: (data: Data) => string, tone: (data: Data) => Told["tone"]]>> = {
  "io.build_watcher.job.submitted.v1": [() => "Submitted", () => "good"],
  "io.build_watcher.job.failed.v1": [() => "Failed", () => "bad"],
  "io.build_watcher.analysis.finished.v1": [
    ({ analysis }) => `Analysis ${text(analysis?.state) ?? "finished"}`,
    ({ analysis }) => (analysis?.state === "failed" ? "bad" : "good"),
  ],
};

/** The used fields of an event's data; all are optional. */
interface Data {
  readonly build?: { readonly namespace?: unknown; readonly name?: unknown };
  readonly image?: unknown;
  readonly link?: unknown;
  readonly error?: { readonly reason?: unknown; readonly message?: unknown; readonly remedy?: unknown };
  readonly analyses?: readonly { readonly of?: unknown; readonly id?: unknown }[];
  readonly analysis?: { readonly of?: unknown; readonly id?: unknown; readonly state?: unknown };
}

function tell({ type, subject, data: raw }: Notification, jobUrl: string | undefined): Told {
  const data = raw as Data;
  const { build, image, error, analyses = [], analysis } = data;
  const [title, tone] = words[type] ?? [() => type, () => "plain" as const];
  const name = build ? `${text(build.namespace)}/${text(build.name)}` : (text(image) ?? subject ?? "");
  const facts: readonly (readonly [string, string | undefined])[] = [
    ["Image", text(image)],
    ["Reason", text(error?.reason)],
    ["Error", text(error?.message)],
    ["What to do", text(error?.remedy)],
    ["Analyses", analyses.map(({ of, id }) => `${text(of)} ${text(id)}`).join(", ") || undefined],
    ["Analysis", analysis && `${text(analysis.of)} ${text(analysis.id)}`],
  ];
  const link = [text(data.link), jobUrl].find((address) => address !== undefined && /^https?:\/\//i.test(address));
  return {
    title: `${title(data)}: ${name}`,
    tone: tone(data),
    facts: facts.flatMap(([fact, value]) => (value === undefined ? [] : [[fact, value] as const])),
    link,
  };
}

const slackColours = { good: "good", bad: "danger", plain: "#888888" } as const;

/**
 * An incoming web hook of Slack's, with an attachment, which Mattermost takes as well.
 * https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks, https://developers.mattermost.com/integrate/webhooks/incoming
 */
function slackMessage({ title, tone, facts, link }: Told): object {
  const fields = facts.map(([name, value]) => ({ title: name, value: slackText(value), short: false }));
  return {
    text: slackText(title),
    attachments: [
      {
        fallback: slackText([title, ...facts.map(([name, value]) => `${name}: ${value}`)].join(" · ")),
        color: slackColours[tone],
        fields,
        ...(link !== undefined && { title: "Open", title_link: link }),
      },
    ],
  };
}

/** Escaped by Slack's rules, and so that Mattermost mentions nobody. */
function slackText(value: string): string {
  const escaped = value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return escaped.replace(/@(?=all\b|channel\b|here\b)/gi, "@\u200b");
}

const teamsColours = { good: "Good", bad: "Attention", plain: "Default" } as const;

/**
 * What Teams' workflow "When a Teams webhook request is received" takes: an Adaptive Card. Text runs have no markup.
 * https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
 */
function teamsMessage({ title, tone, facts, link }: Told): object {
  const run = (value: string, look: object = {}) => ({ type: "TextRun", text: value, ...look });
  const block = (...inlines: readonly object[]) => ({ type: "RichTextBlock", inlines });
  const card = {
    $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
    type: "AdaptiveCard",
    version: "1.2",
    body: [
      block(run(title, { weight: "Bolder", size: "Medium", color: teamsColours[tone] })),
      ...facts.map(([name, value]) => block(run(`${name}: `, { weight: "Bolder" }), run(value))),
    ],
    ...(link !== undefined && { actions: [{ type: "Action.OpenUrl", title: "Open", url: link }] }),
  };
  return {
    type: "message",
    attachments: [{ contentType: "application/vnd.microsoft.card.adaptive", contentUrl: null, content: card }],
  };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
