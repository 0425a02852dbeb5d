import type { Api } from "./api.ts";
import type { Attempt } from "./attempts.ts";
import { MOST_FILES } from "./files.ts";
import { plainText } from "./plain-text.ts";
import type { Event, State } from "./state.ts";
import type { Attachment } from "./wire-files.ts";

/** The server takes a few more of a user, who may have other tabs. */
const AT_A_TIME = 2;

/** A file for the message that is being written. */
export interface Upload {
  readonly key: string;
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** As far as it is sent. */
  readonly percent: number;
  /** What the server has made of it; null: it is not there yet. */
  readonly attachment: Attachment | null;
  /** Why it did not get there; null: it has not failed. */
  readonly failure: string | null;
  /** It would fail again. */
  readonly isFinal: boolean;
}

export interface UploadsOptions {
  readonly api: Pick<Api, "upload" | "withdrawFile">;
  readonly attempt: Attempt;
  readonly state: () => State;
  readonly dispatch: (event: Event) => void;
  readonly notify: (text: string) => void;
  readonly newId: () => string;
}

/** One file on its way. */
interface Job {
  readonly key: string;
  readonly conversationId: string;
  readonly file: File;
  readonly abort: AbortController;
}

/** Files from their choosing until the message that they are for is sent. */
export class Uploads {
  readonly #options: UploadsOptions;
  /** By key, until they are there or given up. */
  readonly #jobs = new Map<string, Job>();
  #waiting: Job[] = [];
  #running = 0;

  constructor(options: UploadsOptions) {
    this.#options = options;
  }

  /** As many as a message may have. */
  add(conversationId: string, files: readonly File[]): void {
    const { notify, newId } = this.#options;
    const before = this.of(conversationId);
    const taken = files.slice(0, MOST_FILES - before.length);
    if (taken.length < files.length) notify(`A message has at most ${MOST_FILES} files.`);
    const jobs = taken.map((file) => newJob(newId(), conversationId, file));
    this.#put(conversationId, [...before, ...jobs.map(toUpload)]);
    for (const job of jobs) this.#start(job);
  }

  of(conversationId: string): readonly Upload[] {
    return this.#options.state().uploads[conversationId] ?? [];
  }

  /** It is not to be sent: its way ends, and the server keeps nothing of it. */
  remove(conversationId: string, key: string): void {
    const uploads = this.of(conversationId);
    const found = uploads.find((upload) => upload.key === key);
    this.#put(
      conversationId,
      uploads.filter((upload) => upload !== found),
    );
    this.#drop(key);
    if (found?.attachment) this.#withdraw(found.attachment);
  }

  retry(conversationId: string, key: string): void {
    const failed = this.#jobs.get(key);
    if (failed === undefined) return;
    const job = newJob(key, conversationId, failed.file);
    this.#change(job, toUpload(job));
    this.#start(job);
  }

  /** They have gone with their message. */
  forget(conversationId: string): void {
    this.#put(conversationId, []);
  }

  close(): void {
    for (const key of [...this.#jobs.keys()]) this.#drop(key);
  }

  #start(job: Job): void {
    this.#jobs.set(job.key, job);
    this.#waiting.push(job);
    this.#next();
  }

  #drop(key: string): void {
    this.#jobs.get(key)?.abort.abort();
    this.#jobs.delete(key);
    this.#waiting = this.#waiting.filter((job) => job.key !== key);
  }

  #next(): void {
    while (this.#running < AT_A_TIME) {
      const job = this.#waiting.shift();
      if (job === undefined) return;
      this.#running += 1;
      this.#send(job)
        .catch((fault: unknown) => {
          if (job.abort.signal.aborted) return;
          this.#change(job, { failure: "It could not be sent." });
          reportError(fault);
        })
        .finally(() => {
          this.#running -= 1;
          this.#next();
        });
    }
  }

  async #send(job: Job): Promise<void> {
    const { api, attempt } = this.#options;
    const { file, abort } = job;
    const onPercent = (percent: number) => this.#change(job, { percent });
    const outcome = await attempt(() => api.upload(file, { onPercent, signal: abort.signal }));
    if (!outcome.isDone) {
      this.#change(job, { failure: outcome.reason, isFinal: outcome.isFinal });
    } else if (abort.signal.aborted) {
      this.#withdraw(outcome.answer);
    } else {
      this.#jobs.delete(job.key);
      this.#change(job, { attachment: outcome.answer });
    }
  }

  /** Where that fails, it goes by itself in a while. */
  #withdraw({ id }: Attachment): void {
    const { api, attempt } = this.#options;
    attempt(() => api.withdrawFile(id)).catch(reportError);
  }

  #change({ key, conversationId }: Job, change: Partial<Upload>): void {
    this.#put(
      conversationId,
      this.of(conversationId).map((upload) =>
        upload.key === key ? { ...upload, ...change } : upload,
      ),
    );
  }

  #put(conversationId: string, uploads: readonly Upload[]): void {
    this.#options.dispatch({ kind: "uploads-changed", conversationId, uploads });
  }
}

/** Why a message with them cannot be sent now; null: it can. */
export function hindranceOf(uploads: readonly Upload[]): string | null {
  if (uploads.some(({ failure }) => failure !== null)) {
    return "Remove the file that could not be sent, or try it again.";
  }
  const isThere = uploads.every(({ attachment }) => attachment !== null);
  return isThere ? null : "The files are still on their way.";
}

function newJob(key: string, conversationId: string, file: File): Job {
  return { key, conversationId, file, abort: new AbortController() };
}

function toUpload({ key, file }: Job): Upload {
  const { name, size } = file;
  return {
    ...{ key, name: plainText(name), size, percent: 0 },
    ...{ attachment: null, failure: null, isFinal: false },
  };
}
