import { expect, test } from "bun:test";
import { openSqliteStorage } from "../../src/storage/sqlite.ts";
import { canFailDisks, setDiskFailing, withoutFileSizeSignal } from "../support/failing-disk.ts";
import { messages } from "../support/stored.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

/** What `commit-on-demand.ts` answers. */
interface Answer {
  readonly outcome: string;
  readonly writers: number;
  readonly openFiles: number;
}

class CommittingProcess {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #answers: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;

  constructor(path: string) {
    const script = `${import.meta.dir}/commit-on-demand.ts`;
    const cmd = withoutFileSizeSignal([process.execPath, script, path]);
    this.#child = Bun.spawn({ cmd, stdin: "pipe", stdout: "pipe", stderr: "inherit" });
    this.#answers = this.#child.stdout.getReader();
  }

  async answer(): Promise<Answer> {
    const { value } = await this.#answers.read();
    const [outcome, writers, openFiles] = new TextDecoder().decode(value).trim().split("\t");
    return { outcome: outcome ?? "", writers: Number(writers), openFiles: Number(openFiles) };
  }

  ask(line: string): Promise<Answer> {
    this.#child.stdin.write(`${line}\n`);
    this.#child.stdin.flush();
    return this.answer();
  }

  set isDiskFailing(isFailing: boolean) {
    setDiskFailing(this.#child.pid, isFailing);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin.end();
    await this.#child.exited;
  }
}

test.skipIf(!canFailDisks)(
  "after an I/O error another connection writes, and nothing that was committed is lost",
  async () => {
    using folder = new TemporaryFolder();
    const path = folder.file("parley.db");
    {
      await using server = new CommittingProcess(path);
      const { openFiles } = await server.answer();
      for (const line of ["1", "2", "probe"]) {
        expect(await server.ask(line)).toEqual({ outcome: "not refused", writers: 1, openFiles });
      }

      server.isDiskFailing = true;
      for (const line of ["3", "3", "probe", "3", "probe", "3"]) {
        expect((await server.ask(line)).outcome).toBe("STORAGE_UNAVAILABLE");
      }
      const failing = await server.ask("3");
      expect(failing.writers).toBeGreaterThan(2);
      expect(failing.openFiles).toBeLessThanOrEqual(openFiles);

      server.isDiskFailing = false;
      expect((await server.ask("probe")).outcome).toBe("not refused");
      const { writers } = await server.ask("3");
      expect(await server.ask("4")).toEqual({ outcome: "not refused", writers, openFiles });
    }
    const storage = await openSqliteStorage({ path });
    expect(storage.chat.history({ conversationId: "chat", limit: 10 })).toEqual(messages(4));
    await storage.close();
  },
);
