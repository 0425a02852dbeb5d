import { useEffect, useState } from "react";
import type { Outcome } from "../attempts.ts";
import type { ChatSession } from "../chat-session.ts";
import { copyText } from "../clipboard.ts";
import type { Conversation } from "../conversation.ts";
import { inviteAddress } from "../invite-address.ts";
import { momentLabel } from "../times.ts";
import type { Invite } from "../wire-groups.ts";
import { Fault } from "./dialog.tsx";

export interface GroupInvitesProps {
  readonly session: ChatSession;
  readonly conversation: Conversation;
}

/** Links by which others join: made, copied, taken back. */
export function GroupInvites({ session, conversation: { id } }: GroupInvitesProps) {
  const [invites, setInvites] = useState<readonly Invite[]>([]);
  const [fault, setFault] = useState<string | null>(null);

  function take<Answer>(call: Promise<Outcome<Answer>>, done: (answer: Answer) => void) {
    call
      .then((outcome) => {
        setFault(outcome.isDone ? null : outcome.reason);
        if (outcome.isDone) done(outcome.answer);
      })
      .catch(reportError);
  }

  function copy({ code }: Invite) {
    copyText(inviteAddress(location.href, code))
      .then((isDone) => {
        if (isDone) session.notify("Link copied");
        else setFault("The browser does not allow it: copy the link by hand.");
      })
      .catch(reportError);
  }

  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each group
  useEffect(() => take(session.groups.invites(id), setInvites), [session, id]);

  return (
    <section className="stack" aria-labelledby="group-invites">
      <h3 id="group-invites">Invite links</h3>
      <p className="hint">Whoever opens a link may join, until you revoke it.</p>
      <Fault text={fault} />
      <ul className="invites">
        {invites.map((invite) => (
          <li key={invite.code}>
            <input
              readOnly
              aria-label="Invite link"
              value={inviteAddress(location.href, invite.code)}
              onFocus={({ target }) => target.select()}
            />
            {invite.expiresMs !== null && (
              <small className="hint">until {momentLabel(invite.expiresMs, Date.now())}</small>
            )}
            <button type="button" className="link-button" onClick={() => copy(invite)}>
              Copy
            </button>
            <button
              type="button"
              className="link-button danger"
              onClick={() =>
                take(session.groups.revokeInvite(id, invite.code), () =>
                  setInvites((all) => all.filter(({ code }) => code !== invite.code)),
                )
              }
            >
              Revoke
            </button>
          </li>
        ))}
      </ul>
      <button
        type="button"
        className="secondary"
        onClick={() =>
          take(session.groups.createInvite(id), (made) => setInvites((all) => [...all, made]))
        }
      >
        New link
      </button>
    </section>
  );
}
