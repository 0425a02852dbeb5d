import { html, raw } from "hono/html";
import type { OpenApiDocument, Operation, Parameter, SchemaObject } from "./openapi.ts";

const STYLE = `
:root { color-scheme: light dark; --line: light-dark(#e4ddd6, #3a332e); --soft: light-dark(#6b625b, #a89d94); --raised: light-dark(#f7f3ef, #221e1b); --accent: light-dark(#8a3b12, #f0a878); }
body { margin: 0 auto; max-width: 60rem; padding: 2rem 1.25rem 6rem; font: 16px/1.5 system-ui, sans-serif; color: light-dark(#221c18, #ece5df); background: light-dark(#fffdfb, #171412); }
h1 { margin: 0 0 .25rem; font-size: 1.75rem; } h2 { margin: 3rem 0 1rem; font-size: 1.25rem; border-bottom: 1px solid var(--line); }
p { margin: .35rem 0; } a { color: var(--accent); } nav a { margin-right: 1rem; } .soft, small { color: var(--soft); }
details { margin: .5rem 0; border: 1px solid var(--line); border-radius: .5rem; background: var(--raised); }
summary { padding: .6rem .9rem; cursor: pointer; } details > div { padding: 0 .9rem .9rem; }
.method { display: inline-block; min-width: 4rem; font-weight: 650; color: var(--accent); } .summary { display: block; color: var(--soft); }
h3 { margin: 1rem 0 .25rem; font-size: .9375rem; } code { font: .875em ui-monospace, monospace; overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; } td { padding: .25rem .75rem .25rem 0; vertical-align: top; border-top: 1px solid var(--line); } td:first-child { width: 12rem; }
`;

const STYLE_HASH = new Bun.CryptoHasher("sha256").update(STYLE).digest("base64");

export const REFERENCE_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
};

/** The OpenAPI document as a page to read: every endpoint, without a script. */
export function referencePage(document: OpenApiDocument) {
  const byTag = Map.groupBy(operationsOf(document), ({ operation }) => operation.tags[0] ?? "");
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${document.info.title} ${document.info.version}: HTTP API</title>
<style>${raw(STYLE)}</style>
</head>
<body>
<h1>${document.info.title} ${document.info.version}: HTTP API</h1>
<p class="soft">${document.info.description} For programs: <a href="openapi.json">openapi.json</a></p>
<nav>${[...byTag.keys()].map((tag) => html`<a href="#${anchorOf(tag)}">${tag}</a>`)}</nav>
<h2>Who asks</h2>
<table>${Object.entries(document.components.securitySchemes).map(([name, { description }]) => row(name, prose(description)))}</table>
${[...byTag].map(
  ([tag, operations]) => html`<h2 id="${anchorOf(tag)}">${tag}</h2>
${operations.map(({ method, path, operation }) => operationSection(method, path, operation))}`,
)}
<h2>Forms</h2>
${Object.entries(document.components.schemas).map(
  ([name, schema]) => html`<h3 id="${formAnchor(name)}">${name}</h3>
${schema.description ? html`<p class="soft">${prose(schema.description)}</p>` : ""}
<table>${fieldsOf(schema)}</table>`,
)}
</body>
</html>`;
}

interface Located {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

function operationsOf({ paths }: OpenApiDocument): Located[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ method, path, operation })),
  );
}

function operationSection(method: string, path: string, operation: Operation) {
  const { summary, parameters = [], requestBody, responses, security } = operation;
  const body = requestBody?.content["application/json"]?.schema;
  const who = [...new Set(security.flatMap((scheme) => Object.keys(scheme)))];
  return html`<details>
<summary><span class="method">${method.toUpperCase()}</span> <code>${path}</code><span class="summary">${summary}</span></summary>
<div>
<p><small>${who.length === 0 ? "For anybody." : `For: ${who.join(", ")}.`}</small></p>
${parameters.length > 0 ? html`<h3>Parameters</h3><table>${parameters.map(parameterRow)}</table>` : ""}
${body === undefined ? "" : html`<h3>Body</h3><table>${fieldsOf(body)}</table>`}
<h3>Answers</h3>
<table>${Object.entries(responses).map(([status, { description, content }]) => {
    const schema = content?.["application/json"]?.schema;
    const form = schema === undefined ? "" : html` ${typeOf(schema)}`;
    return row(status, html`${prose(description)}${form}`);
  })}</table>
</div>
</details>`;
}

function parameterRow({ name, in: place, required, description, schema }: Parameter) {
  const need = required ? "" : ", may be left out";
  return row(name, html`<small>${place}, ${typeOf(schema)}${need}</small> ${prose(description)}`);
}

function fieldsOf(schema: SchemaObject) {
  const { properties = {}, required = [], items } = schema;
  const fields = Object.entries(properties).map(([name, field]) => {
    const need = required.includes(name) ? "" : ", may be left out";
    return row(name, html`<small>${typeOf(field)}${need}</small> ${prose(field.description)}`);
  });
  if (fields.length > 0) return fields;
  return row(items === undefined ? "" : "each", typeOf(items ?? schema));
}

/** As people name it: `text or null`, `list of Message`. */
function typeOf(schema: SchemaObject): ReturnType<typeof html> {
  const { $ref, anyOf, enum: values, type, items, format } = schema;
  if ($ref !== undefined) {
    const name = $ref.slice($ref.lastIndexOf("/") + 1);
    return html`<a href="#${formAnchor(name)}">${name}</a>`;
  }
  if (anyOf !== undefined) {
    return html`${anyOf.map((one, at) => html`${at === 0 ? "" : " or "}${typeOf(one)}`)}`;
  }
  if (values !== undefined && values.length <= 8) return html`${values.join(" | ")}`;
  if (type === "array") return html`list of ${items === undefined ? "anything" : typeOf(items)}`;
  return html`${format ?? type ?? "anything"}`;
}

function row(name: string, text: unknown) {
  return html`<tr><td><code>${name}</code></td><td>${text}</td></tr>`;
}

/** Descriptions mark code by backticks, and paragraphs by empty lines. */
function prose(text = "") {
  const paragraphs = text
    .split("\n\n")
    .map((paragraph) =>
      paragraph.split("`").map((part, at) => (at % 2 === 1 ? html`<code>${part}</code>` : part)),
    );
  return html`${paragraphs.map((parts, at) => html`${at === 0 ? "" : raw("<br>")}${parts}`)}`;
}

function anchorOf(tag: string): string {
  return tag.toLowerCase().replaceAll(" ", "-");
}

function formAnchor(name: string): string {
  return `form-${name}`;
}
