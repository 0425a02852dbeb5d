/**
 * The worker that searches, so that no search, however much it looks at, holds up the server. An
 * entry point of its own, also of the compiled binary.
 */
import type { Database } from "bun:sqlite";
import type { SearchPage, SearchQuery } from "../chat/search.ts";
import { AppError } from "../errors.ts";
import { unavailable } from "./sqlite-errors.ts";
import { openReader } from "./sqlite-reader.ts";
import { SearchReads } from "./sqlite-search-reads.ts";
import { answerRequests } from "./sqlite-thread.ts";

export type SearcherRequest =
  | { readonly kind: "open"; readonly path: string }
  | { readonly kind: "search"; readonly query: SearchQuery }
  | { readonly kind: "close" };

/** null to all requests but `search`. */
export type SearcherAnswer = SearchPage | null;

function serve(): (request: SearcherRequest) => SearcherAnswer {
  let db: Database | undefined;
  let reads: SearchReads | undefined;

  return (request) => {
    switch (request.kind) {
      case "open":
        db = openReader(request.path);
        // 16 MB: what is looked at is all over the table of messages.
        db.run("PRAGMA cache_size = -16384");
        reads = new SearchReads(db);
        return null;
      case "search":
        if (reads === undefined) throw unavailable("the database is not open");
        return reads.search(request.query);
      case "close":
        db?.close();
        return null;
    }
  };
}

answerRequests(serve(), (fault) =>
  fault instanceof AppError ? fault : unavailable("the store cannot be searched", fault),
);
