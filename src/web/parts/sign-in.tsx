import { type FormEvent, useState } from "react";
import { type Identity, identityOfName, identityOfToken, nameFault } from "../identity.ts";
import { Mark } from "./icons.tsx";

export interface SignInProps {
  /** Why the last attempt was not accepted. */
  readonly refusal: string | null;
  readonly onSignIn: (identity: Identity) => void;
}

export function SignIn({ refusal, onSignIn }: SignInProps) {
  const [name, setName] = useState("");
  const [token, setToken] = useState("");
  const [fault, setFault] = useState<string | null>(null);
  const shown = fault ?? refusal;

  function submit(event: FormEvent) {
    event.preventDefault();
    const identity = token.trim() === "" ? byName(name.trim()) : identityOfToken(token.trim());
    if (identity === null) setFault("This is not a token that names a user.");
    else if (typeof identity === "string") setFault(identity);
    else onSignIn(identity);
  }

  return (
    <main className="sign-in">
      <form onSubmit={submit} aria-labelledby="sign-in-title">
        <Mark size={56} />
        <h1 id="sign-in-title">Parley</h1>
        <p className="lead">Pick a name, and talk.</p>
        {shown !== null && (
          <p role="alert" className="refusal">
            {shown}
          </p>
        )}
        <label htmlFor="name">Your name</label>
        <input
          id="name"
          value={name}
          onChange={(event) => setName(event.target.value)}
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          placeholder="alice"
        />
        {/* Whoever was refused by name is shown the other way in. */}
        <details open={refusal !== null}>
          <summary>I have an access token</summary>
          <label htmlFor="token">Access token</label>
          <input
            id="token"
            value={token}
            onChange={(event) => setToken(event.target.value)}
            autoComplete="off"
            spellCheck={false}
            placeholder="eyJ…"
          />
        </details>
        <button type="submit" className="primary">
          Start chatting
        </button>
      </form>
    </main>
  );
}

/** Or why not. */
function byName(name: string): Identity | string {
  return nameFault(name) ?? identityOfName(name);
}
