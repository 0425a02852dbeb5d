import type { Context, Hono } from "hono";
import { z } from "zod";
import { idempotencyKeySchema, validate } from "../app/schemas.ts";
import type { Principal } from "../auth/principal.ts";
import type { Actor } from "../chat/actor.ts";
import type { ErrorCode } from "../errors.ts";
import type { ApiEnvironment } from "./api.ts";
import { jsonBody } from "./json-body.ts";

/** Whom an endpoint is for, and what it learns of who asks. */
export interface Callers {
  readonly anybody: null;
  /** A user, named as in CONNECT. */
  readonly user: Principal;
  /** The app's back end, with an API key. */
  readonly server: null;
  /** A user; or the back end, by itself or in the name of the user in `X-User-Id`. */
  readonly actor: Actor;
}

type Schema = z.ZodType;

/** One answer of an endpoint; without a schema it has no body. */
export interface Answer {
  readonly description: string;
  readonly schema?: Schema;
  /** It is plain text. */
  readonly isText?: boolean;
  /** It is JSON documents, one a line. */
  readonly isLines?: boolean;
  /** It is a file's content. */
  readonly isFile?: boolean;
  /** It may be a stream of server-sent events as well. */
  readonly isStream?: boolean;
}

/** What the OpenAPI document says of an endpoint, and requests are checked by. */
export interface Route<
  By extends keyof Callers,
  Params extends Schema,
  Query extends Schema,
  Body extends Schema,
> {
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  /** Parameters in braces, as in OpenAPI. */
  readonly path: string;
  readonly by: By;
  /** What generated clients call it; without, a name is made of method and path. */
  readonly operationId?: string;
  readonly tag: string;
  readonly summary: string;
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  /** The body is a file's content, which the endpoint reads as it comes. */
  readonly takesFile?: boolean;
  readonly answers: Readonly<Record<number, Answer>>;
  /** Answered by `LargeAnswers`, which says 304 to who has it already (`If-None-Match`). */
  readonly isConditional?: boolean;
  /** The same request with the same `Idempotency-Key` has one effect. */
  readonly isIdempotentByKey?: boolean;
  /** Beside those that every endpoint of its kind may be refused with. */
  readonly refusals?: readonly ErrorCode[];
}

/** Of any kind. */
export type AnyRoute = Route<keyof Callers, Schema, Schema, Schema>;

/** A request that has been let in and checked. */
export interface ApiRequest<
  By extends keyof Callers,
  Params extends Schema,
  Query extends Schema,
  Body extends Schema,
> {
  readonly context: Context<ApiEnvironment>;
  readonly caller: Callers[By];
  /** It comes from the back end, in whoever's name. */
  readonly isServer: boolean;
  readonly params: z.output<Params>;
  readonly query: z.output<Query>;
  readonly body: z.output<Body>;
  /** Of an endpoint that knows it; null: none was given. */
  readonly idempotencyKey: string | null;
}

/** Finds out who asks; throws what they are refused with. */
export type Doors = {
  readonly [By in keyof Callers]: (
    context: Context<ApiEnvironment>,
  ) => Callers[By] | Promise<Callers[By]>;
} & {
  /** Whether a request that has been let in shows an API key. */
  readonly isServer: (context: Context<ApiEnvironment>) => boolean;
};

/**
 * The endpoints of the API: each is described once, for the OpenAPI document and for the checks of
 * requests. Who asks is found out before anything of the request is looked at.
 */
export class Endpoints {
  readonly routes: AnyRoute[] = [];
  readonly #api: Hono<ApiEnvironment>;
  readonly #doors: Doors;

  constructor(api: Hono<ApiEnvironment>, doors: Doors) {
    this.#api = api;
    this.#doors = doors;
  }

  /** Without a schema of its own, a request's part is handed on as `{}`. */
  add<
    By extends keyof Callers,
    Params extends Schema = typeof NOTHING,
    Query extends Schema = typeof NOTHING,
    Body extends Schema = typeof NOTHING,
  >(
    route: Route<By, Params, Query, Body>,
    answer: (request: ApiRequest<By, Params, Query, Body>) => Response | Promise<Response>,
  ): void {
    this.routes.push(route);
    const { method, path, by } = route;
    const enter = this.#doors[by];
    const { isServer } = this.#doors;
    this.#api.on(method.toUpperCase(), path.replace(/\{(\w+)\}/g, ":$1"), async (context) => {
      const caller = await enter(context);
      return await answer({
        context,
        caller,
        isServer: isServer(context),
        params: checked(route.params, () => context.req.param()),
        query: checked(route.query, () => context.req.query()),
        idempotencyKey: route.isIdempotentByKey === true ? keyOf(context) : null,
        body: route.body === undefined ? {} : await jsonBody(context, route.body),
      } as ApiRequest<By, Params, Query, Body>);
    });
  }
}

/** Throws VALIDATION_FAILED. */
function keyOf({ req }: Context<ApiEnvironment>): string | null {
  const key = req.header("idempotency-key");
  return key === undefined ? null : validate(idempotencyKeySchema, key);
}

const NOTHING = z.object({});

function checked(schema: Schema | undefined, value: () => unknown): unknown {
  return schema === undefined ? {} : validate(schema, value());
}
