import type { ChatSession } from "../chat-session.ts";
import type { Attachment } from "../wire-files.ts";

/** As the browser saves files. */
export function saveFile(session: ChatSession, { id, name }: Attachment): void {
  session.files
    .of(id)
    .then((outcome) => {
      if (!outcome.isDone) {
        session.notify(outcome.reason);
        return;
      }
      const link = document.createElement("a");
      link.href = outcome.answer.url;
      link.download = name;
      link.click();
    })
    .catch(reportError);
}
