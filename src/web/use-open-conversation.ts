import { useCallback, useEffect, useState } from "react";
import type { ChatSession } from "./chat-session.ts";
import { conversationInHash, hashOfConversation } from "./conversation-address.ts";
import type { State } from "./state.ts";

/**
 * The open conversation stands in the address, so that a reload keeps it and a phone's back button
 * closes it.
 */
export function useOpenConversation(session: ChatSession, state: State) {
  const [wantedId, setWantedId] = useState(idInAddress);
  const isKnown = wantedId !== null && state.conversations[wantedId] !== undefined;

  useEffect(() => {
    const onAddress = () => setWantedId(idInAddress());
    addEventListener("popstate", onAddress);
    return () => removeEventListener("popstate", onAddress);
  }, []);

  // A group's conversation can be opened only when the list has come.
  // biome-ignore lint/correctness/useExhaustiveDependencies: again when the conversation is known
  useEffect(() => {
    if (session.store.state().openId !== wantedId) session.open(wantedId);
  }, [session, wantedId, isKnown]);

  const open = useCallback((id: string) => {
    const isFromList = idInAddress() === null;
    const address = hashOfConversation(id);
    if (isFromList) history.pushState(null, "", address);
    else history.replaceState(null, "", address);
    setWantedId(id);
  }, []);

  const close = useCallback(() => {
    history.replaceState(null, "", location.pathname);
    setWantedId(null);
  }, []);

  return { open, close };
}

function idInAddress(): string | null {
  return conversationInHash(location.hash);
}
