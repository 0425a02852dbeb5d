import { type FormEvent, useState } from "react";
import { nameFault } from "../identity.ts";
import { NewChatIcon } from "./icons.tsx";

export interface StartChatProps {
  readonly userId: string;
  readonly onStartChat: (peerId: string) => void;
}

export function StartChat({ userId, onStartChat }: StartChatProps) {
  const [peer, setPeer] = useState("");
  const [fault, setFault] = useState<string | null>(null);

  function submit(event: FormEvent) {
    event.preventDefault();
    const name = peer.trim();
    const found = name === userId ? "That is you." : nameFault(name);
    setFault(found);
    if (found !== null) return;
    setPeer("");
    onStartChat(name);
  }

  return (
    <form className="start-chat" onSubmit={submit}>
      <input
        aria-label="Start a chat with"
        placeholder="Start a chat with …"
        value={peer}
        onChange={(event) => setPeer(event.target.value)}
        autoCapitalize="none"
        autoComplete="off"
        spellCheck={false}
        aria-invalid={fault !== null}
        aria-describedby={fault === null ? undefined : "start-chat-fault"}
      />
      <button type="submit" className="icon-button" aria-label="Start chat">
        <NewChatIcon />
      </button>
      {fault !== null && (
        <p id="start-chat-fault" role="alert">
          {fault}
        </p>
      )}
    </form>
  );
}
