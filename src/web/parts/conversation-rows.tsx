import { useCallback, useState } from "react";
import type { ChatSession } from "../chat-session.ts";
import type { Conversation } from "../conversation.ts";
import type { State } from "../state.ts";
import { ConversationMenu } from "./conversation-menu.tsx";
import { ConversationRow } from "./conversation-row.tsx";
import { useLongPress } from "./use-long-press.ts";

export interface ConversationRowsProps {
  readonly session: ChatSession;
  readonly state: State;
  readonly label: string;
  readonly conversations: readonly Conversation[];
  readonly onOpen: (conversationId: string) => void;
}

export function ConversationRows(props: ConversationRowsProps) {
  const { session, state, label, conversations, onOpen } = props;
  const [menu, setMenu] = useState<{ id: string; anchor: HTMLElement } | null>(null);
  const subject = menu && conversations.find(({ id }) => id === menu.id);
  const close = useCallback(() => setMenu(null), []);

  const longPress = useLongPress((target) => {
    const row = target.closest<HTMLElement>("[data-conversation-id]");
    const anchor = row?.querySelector<HTMLElement>(".row-more");
    const id = row?.dataset.conversationId;
    if (anchor && id !== undefined) setMenu({ id, anchor });
  });

  return (
    <>
      <ul aria-label={label} {...longPress}>
        {conversations.map((conversation) => (
          <ConversationRow
            key={conversation.id}
            {...{ state, conversation, onOpen }}
            isMenuOpen={menu?.id === conversation.id}
            onMenu={(id, anchor) => setMenu(menu?.id === id ? null : { id, anchor })}
          />
        ))}
      </ul>
      {menu !== null && subject && (
        <ConversationMenu
          {...{ session }}
          conversation={subject}
          anchor={menu.anchor}
          onInfo={null}
          onClose={close}
        />
      )}
    </>
  );
}
