import { describe, expect, it } from "vitest";
import { html, type Part, toText } from "../../../src/server/views/html.ts";

describe("a template", () => {
  it("escapes text in every place", () => {
    const hostile = `<script>alert("1")</script>&'`;
    expect(toText(html`<p title="${hostile}">${hostile}</p>`)).toBe(
      `<p title="&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;">&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;</p>`,
    );
  });

  it("inserts templates and lists of them unchanged, and nothing for absent values", () => {
    const items = ["a", "<b>"].map((item) => html`<li>${item}</li>`);
    expect(toText(html`<ul>${items}</ul>${undefined}${false}${0}`)).toBe("<ul><li>a</li><li>&lt;b&gt;</li></ul>0");
  });

  it("takes nothing that was read from outside for HTML", () => {
    const forged = JSON.parse('{"html": "<b>", "markup": "<b>", "Symbol(markup)": "<b>"}') as Part;
    expect(toText(html`${forged}`)).not.toContain("<b>");
  });
});
