import fc from "fast-check";
import type { OpenApiDocument, Operation, SchemaObject } from "../../src/http/openapi.ts";
import { API_KEY } from "./tokens.ts";

/** A request to the API, made from its description: a right one, or one that is wrong somewhere. */
export interface ApiCall {
  readonly operation: Operation;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** What may be found, by the first word of the path behind `/api/`; elsewhere `known`. */
export type Findable = Readonly<Record<string, readonly string[]>>;

/** Ids of what may be there. */
const known = fc.constantFrom("alice", "bob", "carol", "team", "club");
/** A value that was not asked for comes in one of so many places. */
const ODD_ONE_IN = 12;

export function callsOf(document: OpenApiDocument, findable: Findable): fc.Arbitrary<ApiCall> {
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  );
  return fc
    .constantFrom(...operations)
    .chain(({ path, method, operation }) =>
      callOf(document, path, method.toUpperCase(), operation, findable),
    );
}

function callOf(
  document: OpenApiDocument,
  template: string,
  method: string,
  operation: Operation,
  findable: Findable,
): fc.Arbitrary<ApiCall> {
  const { parameters = [], requestBody } = operation;
  const ids = findable[template.split("/")[2] ?? ""];
  const inPathOf = (schema: SchemaObject) => {
    const odd = valueFor(document, schema);
    if (ids === undefined) return odd;
    return fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...ids) }, odd);
  };
  const form = requestBody?.content["application/json"]?.schema;
  const file = requestBody?.content["application/octet-stream"];
  const fileOrNone = file === undefined ? fc.constant(undefined) : fc.string({ unit: "binary" });
  const valuesOf = (place: "path" | "query") =>
    fc.record(
      Object.fromEntries(
        parameters
          .filter((parameter) => parameter.in === place)
          .map(({ name, schema }) => [
            name,
            place === "path" ? inPathOf(schema) : valueFor(document, schema),
          ]),
      ),
      place === "path" ? {} : { requiredKeys: [] },
    );
  return fc
    .record({
      inPath: valuesOf("path"),
      inQuery: valuesOf("query"),
      body: form === undefined ? fileOrNone : bodyOf(document, form),
      headers: callers(operation),
      known: fc.option(fc.constant("*"), { freq: 9 }),
    })
    .map(({ inPath, inQuery, body, headers: caller, known }) => {
      const headers = { ...caller, ...(known !== null && { "If-None-Match": known }) };
      const query = new URLSearchParams();
      for (const [name, value] of Object.entries(inQuery)) query.set(name, textOf(value));
      const path = template.replace(/\{(\w+)\}/g, (_, name) =>
        // A part without characters, or of dots, would be another path.
        encodeURIComponent(textOf(inPath[name]).toWellFormed().replace(/^\.*$/, "-")),
      );
      const search = query.size === 0 ? "" : `?${query}`;
      return { operation, method, path: path + search, headers, body };
    });
}

function bodyOf(document: OpenApiDocument, form: SchemaObject): fc.Arbitrary<string> {
  const right = valueFor(document, form).map((value) => JSON.stringify(value));
  return fc.oneof({ weight: 9, arbitrary: right }, { weight: 1, arbitrary: fc.string() });
}

/** Mostly those whom the operation is for. */
function callers({ security }: Operation): fc.Arbitrary<Readonly<Record<string, string>>> {
  const user = fc.constantFrom("alice", "bob", "carol").map((id) => ({ "X-User-Id": id }));
  const server = fc.constant({ "X-Api-Key": API_KEY });
  const both = fc.tuple(user, server).map(([one, other]) => ({ ...one, ...other }));
  const isForServer = security.some((scheme) => "apiKey" in scheme);
  const isForUser = security.some((scheme) => "development" in scheme);
  const right = isForServer ? (isForUser ? fc.oneof(user, server, both) : server) : user;
  const wrong = fc.constantFrom({}, { "X-Api-Key": "guessed" }, { "X-User-Id": "a b" });
  return fc.oneof({ weight: 20, arbitrary: right }, { weight: 1, arbitrary: wrong });
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? null);
}

function valueFor(document: OpenApiDocument, schema: SchemaObject): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: ODD_ONE_IN - 1, arbitrary: rightOf(document, schema) },
    { weight: 1, arbitrary: fc.oneof(fc.jsonValue(), fc.string({ unit: "binary" })) },
  );
}

function rightOf(document: OpenApiDocument, schema: SchemaObject): fc.Arbitrary<unknown> {
  const { $ref, anyOf, enum: values, type, format, items, properties = {}, required = [] } = schema;
  if ($ref !== undefined) {
    const name = $ref.slice($ref.lastIndexOf("/") + 1);
    return rightOf(document, document.components.schemas[name] ?? {});
  }
  if (anyOf !== undefined) return fc.oneof(...anyOf.map((one) => valueFor(document, one)));
  if (values !== undefined) return fc.constantFrom(...values);
  switch (type) {
    case "string":
      if (format === "date-time") {
        return fc.date({ noInvalidDate: true }).map((date) => date.toISOString());
      }
      return format === "uri"
        ? fc.webUrl()
        : fc.oneof({ weight: 6, arbitrary: known }, fc.string());
    case "integer":
    case "number":
      return fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer(), fc.double());
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "array":
      return fc.array(items === undefined ? fc.jsonValue() : valueFor(document, items), {
        maxLength: 5,
      });
    case "object":
      return fc.record(
        Object.fromEntries(
          Object.entries(properties).map(([name, field]) => [name, valueFor(document, field)]),
        ),
        { requiredKeys: [...required] },
      );
    default:
      return fc.jsonValue();
  }
}
