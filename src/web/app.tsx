import { useEffect, useState } from "react";
import { browserPush } from "./browser-push.ts";
import { ChatPage } from "./chat-page.tsx";
import { ChatSession } from "./chat-session.ts";
import { onWorkerMessage } from "./from-worker.ts";
import { forgetIdentity, type Identity, rememberIdentity } from "./identity.ts";
import { SignIn } from "./parts/sign-in.tsx";

export interface AppProps {
  /** Who was here before, or stands in the address. */
  readonly recalled: Identity | null;
}

export function App({ recalled }: AppProps) {
  const [identity, setIdentity] = useState(recalled);
  const [session, setSession] = useState<ChatSession | null>(null);
  const [refusal, setRefusal] = useState<string | null>(null);

  useEffect(() => {
    if (identity === null) return;
    rememberIdentity(identity, sessionStorage);
    const begun = new ChatSession({
      identity,
      url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`,
      storage: localStorage,
      browser: browserPush(),
      isVisible: document.visibilityState === "visible",
      onRefused(message) {
        setRefusal(message);
        setIdentity(null);
      },
    });
    begun.start();
    setSession(begun);
    return () => {
      setSession(null);
      forgetIdentity(sessionStorage);
      begun.stop().catch(reportError);
    };
  }, [identity]);

  useEffect(() => {
    if (session === null) return;
    return onWorkerMessage(({ kind }) => {
      if (kind === "subscription-changed") session.notifications.renew().catch(reportError);
    });
  }, [session]);

  function signOut() {
    session?.notifications.signOut().catch(reportError);
    history.replaceState(null, "", location.pathname);
    setRefusal(null);
    setIdentity(null);
  }

  if (identity === null) return <SignIn refusal={refusal} onSignIn={setIdentity} />;
  return session === null ? null : <ChatPage session={session} onSignOut={signOut} />;
}
