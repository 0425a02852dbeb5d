import { type FormEvent, useState } from "react";
import type { UserProfileChange } from "../api.ts";
import type { Outcome } from "../attempts.ts";
import { Fault } from "./dialog.tsx";

export interface ProfileFormProps {
  readonly nameLabel: string;
  readonly name: string | null;
  /** A URL. */
  readonly picture: string | null;
  readonly onSave: (change: UserProfileChange) => Promise<Outcome<void>>;
}

/** How a group or a user shows itself. */
export function ProfileForm(props: ProfileFormProps) {
  // What was not written here stays, whatever others make of it meanwhile.
  const [written, setWritten] = useState<{ name?: string; picture?: string }>({});
  const [fault, setFault] = useState<string | null>(null);
  const name = written.name ?? props.name ?? "";
  const picture = written.picture ?? props.picture ?? "";
  const change: UserProfileChange = {
    ...(name.trim() !== (props.name ?? "") && { name: name.trim() || null }),
    ...(picture.trim() !== (props.picture ?? "") && { picture: picture.trim() || null }),
  };

  async function save(event: FormEvent) {
    event.preventDefault();
    const outcome = await props.onSave(change);
    setFault(outcome.isDone ? null : outcome.reason);
    if (outcome.isDone) setWritten({});
  }

  return (
    <form className="stack" onSubmit={(event) => save(event).catch(reportError)}>
      <Fault text={fault} />
      <label>
        {props.nameLabel}
        <input
          value={name}
          maxLength={128}
          onChange={(event) => setWritten({ ...written, name: event.target.value })}
        />
      </label>
      <label>
        Picture
        <input
          type="url"
          value={picture}
          placeholder="https://…"
          onChange={(event) => setWritten({ ...written, picture: event.target.value })}
        />
      </label>
      <p className="hint">
        An address. Here only pictures of this server are shown: another site would learn who looks.
      </p>
      <button type="submit" className="primary" disabled={Object.keys(change).length === 0}>
        Save
      </button>
    </form>
  );
}
