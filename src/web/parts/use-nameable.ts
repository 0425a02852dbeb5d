import { useEffect, useState } from "react";
import type { ChatSession } from "../chat-session.ts";
import { type Conversation, isReachable } from "../conversation.ts";
import type { Nameable } from "../mentions.ts";
import { nameOf, type State } from "../state.ts";

/** Of so many members of a large group the names are asked for. */
const MOST_NAMES = 200;

/** Whom a message of the group may mention; of a direct conversation nobody. */
export function useNameable(
  session: ChatSession,
  state: State,
  conversation: Conversation,
): Nameable[] {
  const { id, kind, memberIds, memberCount, membersSeq } = conversation;
  const [all, setAll] = useState<readonly string[]>([]);
  const isReadable = kind === "group" && isReachable(conversation);
  const isLarge = memberCount > memberIds.length;

  // biome-ignore lint/correctness/useExhaustiveDependencies: again when something has happened to them
  useEffect(() => {
    if (!isReadable) return;
    session.learnNames(memberIds.slice(0, MOST_NAMES));
    if (!isLarge) return;
    let isStale = false;
    session.groups
      .members(id)
      .then((outcome) => {
        if (isStale || !outcome.isDone) return;
        const userIds = outcome.answer.map(({ userId }) => userId);
        setAll(userIds);
        session.learnNames(userIds.slice(0, MOST_NAMES));
      })
      .catch(reportError);
    return () => {
      isStale = true;
    };
  }, [session, id, membersSeq, memberCount, isReadable, isLarge]);

  if (!isReadable) return [];
  return (isLarge && all.length > 0 ? all : memberIds)
    .filter((userId) => userId !== state.userId)
    .map((userId) => ({ userId, name: nameOf(state, userId) }));
}
