import { z } from "zod";
import { idempotencyKeySchema } from "../app/schemas.ts";
import { ERRORS, type ErrorCode } from "../errors.ts";
import type { Answer, AnyRoute, Callers } from "./endpoint.ts";
import { PROBLEM } from "./schemas.ts";

/** Of a JSON Schema, what is looked at here. */
export interface SchemaObject {
  readonly $ref?: string;
  readonly id?: string;
  readonly type?: string;
  readonly format?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, SchemaObject>>;
  readonly required?: readonly string[];
  readonly items?: SchemaObject;
  readonly anyOf?: readonly SchemaObject[];
  readonly enum?: readonly string[];
}

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required: boolean;
  readonly description?: string;
  readonly schema: SchemaObject;
}

type Content = Readonly<Record<string, { readonly schema: SchemaObject }>>;

export interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: Content };
  readonly responses: Readonly<
    Record<string, { readonly description: string; readonly content?: Content }>
  >;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
}

/** As much of an OpenAPI 3.1 document as this server's has. */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: {
    readonly title: string;
    readonly version: string;
    readonly description: string;
    readonly license: { readonly name: string; readonly identifier: string };
  };
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, SchemaObject>>;
    readonly securitySchemes: Readonly<
      Record<string, { readonly type: string; readonly description: string }>
    >;
  };
}

const UNPROVEN = ["AUTHENTICATION_REQUIRED", "AUTHENTICATION_FAILED", "RATE_LIMITED"] as const;

/** What every endpoint of its kind may be refused with. */
const REFUSALS: Readonly<Record<keyof Callers, readonly ErrorCode[]>> = {
  anybody: [],
  user: [...UNPROVEN, "TOKEN_EXPIRED", "TOKEN_REVOKED", "USER_BEING_ERASED", "SERVER_FULL"],
  server: UNPROVEN,
  actor: [...UNPROVEN, "TOKEN_EXPIRED", "TOKEN_REVOKED", "USER_BEING_ERASED", "SERVER_FULL"],
};

type Security = readonly Readonly<Record<string, readonly string[]>>[];

const USER: Security = [{ token: [] }, { cookie: [] }, { development: [] }];
const SERVER: Security = [{ apiKey: [] }, { apiKeyBearer: [] }];
/** In whose name the back end asks. */
const ACTING: Security = SERVER.map((key) => ({ ...key, development: [] }));

const SECURITY: Readonly<Record<keyof Callers, Security>> = {
  anybody: [],
  user: USER,
  server: SERVER,
  actor: [...USER, ...SERVER, ...ACTING],
};

/** The OpenAPI 3.1 document of the endpoints. */
export function openApiDocument(routes: readonly AnyRoute[], version: string): OpenApiDocument {
  const components = new Components();
  const paths: Record<string, Record<string, Operation>> = {};
  for (const route of routes) {
    const operation = operationOf(route, components);
    paths[route.path] = { ...paths[route.path], [route.method]: operation };
  }
  return {
    openapi: "3.1.1",
    info: {
      ...{ title: "Parley", version },
      description:
        "The HTTP API of Parley, for users and for the app's back end. What happens is told as it happens over STOMP, and by `GET /api/events`.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    paths,
    components: {
      schemas: components.schemas,
      securitySchemes: {
        token: {
          ...{ type: "http", scheme: "bearer" },
          description: "A user, by a token as in CONNECT.",
        },
        cookie: {
          ...{ type: "apiKey", in: "cookie", name: "session" },
          description: "A user, by the app's own session, where that is configured.",
        },
        development: {
          ...{ type: "apiKey", in: "header", name: "X-User-Id" },
          description:
            "A user, believed on loopback where no authentication is configured; beside an API key, the user in whose name the back end asks, with `X-User-Name` as the name.",
        },
        apiKey: {
          ...{ type: "apiKey", in: "header", name: "X-Api-Key" },
          description:
            "The app's back end (`api.keys`). Where users may ask as well, `X-User-Id` beside it says in whose name; without it the request is the back end's own.",
        },
        apiKeyBearer: {
          ...{ type: "http", scheme: "bearer" },
          description: "The app's back end, by a key of `api.keys`.",
        },
      },
    },
  };
}

function operationOf(route: AnyRoute, components: Components): Operation {
  const parameters = [
    ...parametersOf("path", route.params, components),
    ...parametersOf("query", route.query, components),
    ...(route.isIdempotentByKey === true ? [idempotencyKey(components)] : []),
  ];
  return {
    operationId: route.operationId ?? operationIdOf(route),
    tags: [route.tag],
    summary: route.summary,
    ...(parameters.length > 0 && { parameters }),
    ...(route.body !== undefined && {
      requestBody: {
        required: !route.body.safeParse({}).success, // No body is `{}`.
        content: { "application/json": { schema: components.input(route.body) } },
      },
    }),
    ...(route.takesFile === true && { requestBody: { required: true, content: FILE } }),
    responses: {
      ...Object.fromEntries(
        Object.entries(route.answers).map(([status, answer]) => [
          status,
          { description: answer.description, ...contentOf(answer, components) },
        ]),
      ),
      ...(route.isConditional === true && NOT_MODIFIED),
      ...problemsOf(route, components),
    },
    security: SECURITY[route.by],
  };
}

/** Whatever its type, which OpenAPI would have named. */
const FILE: Content = {
  "application/octet-stream": { schema: { type: "string", format: "binary" } },
};
/** By media type; nothing of an answer without a body. */
function contentOf(
  { schema, isText, isLines, isFile, isStream }: Answer,
  components: Components,
): { readonly content?: Content } {
  const text = { schema: { type: "string" } };
  const content = {
    ...(schema !== undefined && { "application/json": { schema: components.output(schema) } }),
    ...(isText === true && { "text/plain": text }),
    ...(isLines === true && { "application/x-ndjson": text }),
    ...(isFile === true && FILE),
    ...(isStream === true && { "text/event-stream": text }),
  };
  return Object.keys(content).length === 0 ? {} : { content };
}

/** `PUT /api/conversations/{id}/members/{userId}`: `putConversationsByIdMembersByUserId` */
function operationIdOf({ method, path }: AnyRoute): string {
  const words = path.replace(/^\/(api\/)?/, "").split(/[/.-]/);
  const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);
  const names = words.map((word) => {
    const parameter = /^\{(\w+)\}$/.exec(word)?.[1];
    return capital(parameter === undefined ? word : `by${capital(parameter)}`);
  });
  return method + names.join("");
}

function parametersOf(
  place: "path" | "query",
  schema: z.ZodType | undefined,
  components: Components,
): Parameter[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = components.input(schema);
  return Object.entries(properties).map(([name, { description, ...property }]) => ({
    ...{ name, in: place, required: place === "path" || required.includes(name) },
    ...(description !== undefined && { description }),
    schema: property,
  }));
}

function idempotencyKey(components: Components): Parameter {
  return {
    ...{ name: "Idempotency-Key", in: "header", required: false },
    description: "Sent again with the same key, the request has no second effect.",
    schema: components.input(idempotencyKeySchema),
  };
}

const NOT_MODIFIED = {
  304: {
    description: "As the client has it, by the `ETag` of its `If-None-Match`: it is not sent.",
  },
};

/** By status: what refuses a request with it. */
function problemsOf(route: AnyRoute, components: Components): Operation["responses"] {
  const isChecked = [route.params, route.query, route.body].some((part) => part !== undefined);
  const codes = new Set<ErrorCode>([
    ...REFUSALS[route.by],
    "ORIGIN_FORBIDDEN",
    ...(route.by !== "anybody" && route.method !== "get" ? (["CSRF_REJECTED"] as const) : []),
    ...(isChecked ? (["VALIDATION_FAILED"] as const) : []),
    ...(route.body === undefined ? [] : (["INVALID_JSON"] as const)),
    ...(route.refusals ?? []),
  ]);
  const byStatus = Map.groupBy([...codes].sort(), (code) => ERRORS[code].status);
  const problems = [...byStatus].map(([status, alike]) => [
    `${status}`,
    {
      description: alike.map((code) => `\`${code}\`: ${ERRORS[code].meaning}`).join("\n\n"),
      content: { "application/problem+json": { schema: components.output(PROBLEM) } },
    },
  ]);
  return Object.fromEntries(problems);
}

/** Without what only repeats the type, which clients would carry with each field. */
function plainly({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.format === "date-time") delete jsonSchema.pattern;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
}

/** Schemas, those with an `id` once for all. */
class Components {
  readonly schemas: Record<string, SchemaObject> = {};

  input(schema: z.ZodType): SchemaObject {
    return this.#convert(schema, "input");
  }

  output(schema: z.ZodType): SchemaObject {
    return this.#convert(schema, "output");
  }

  #convert(schema: z.ZodType, io: "input" | "output"): SchemaObject {
    const converted = z.toJSONSchema(schema, { io, unrepresentable: "any", override: plainly });
    // Answers may come to have more fields.
    const open = JSON.stringify(converted, (name, value) =>
      name === "additionalProperties" && value === false ? undefined : value,
    );
    const {
      $schema: _,
      $defs = {},
      ...rest
    } = JSON.parse(open.replaceAll('"#/$defs/', '"#/components/schemas/'));
    for (const [name, { id: _, ...form }] of Object.entries<SchemaObject>($defs)) {
      this.schemas[name] = form;
    }
    const { id, ...form } = rest;
    if (typeof id !== "string") return rest;
    this.schemas[id] = form;
    return { $ref: `#/components/schemas/${id}` };
  }
}
