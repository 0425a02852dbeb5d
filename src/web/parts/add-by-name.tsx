import { useState } from "react";

export interface AddByNameProps {
  /** It is the one thing to do here, or leads to it. */
  readonly rank: "primary" | "secondary";
  /** Without spaces around it. true: it is taken, and another may be written. */
  readonly onAdd: (userId: string) => boolean | Promise<boolean>;
}

/** A member to be, whom nobody here need know. */
export function AddByName({ rank, onAdd }: AddByNameProps) {
  const [name, setName] = useState("");

  async function submit() {
    if (await onAdd(name.trim())) setName("");
  }

  return (
    <form
      className="inline-form"
      onSubmit={(event) => {
        event.preventDefault();
        submit().catch(reportError);
      }}
    >
      <input
        aria-label="Add a member"
        placeholder="Add somebody by name"
        value={name}
        onChange={(event) => setName(event.target.value)}
        autoCapitalize="none"
        autoComplete="off"
        spellCheck={false}
      />
      <button type="submit" className={rank}>
        Add
      </button>
    </form>
  );
}
