import {
  type KeyboardEvent,
  type ReactNode,
  useEffect,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import type { ChatSession } from "../chat-session.ts";
import type { SearchState } from "../message-search.ts";
import { nameOf, type State } from "../state.ts";
import { listLabel } from "../times.ts";
import { titleOfId } from "../views.ts";
import type { WireMessage } from "../wire.ts";
import type { Found } from "../wire-search.ts";
import { CloseIcon, SearchIcon } from "./icons.tsx";

/** The longest text that the server looks for. */
const LONGEST_TEXT = 256;

export interface SearchProps {
  readonly session: ChatSession;
  readonly state: State;
  /** null: in all conversations. */
  readonly conversationId: string | null;
  readonly label: string;
  /** What was found is to be seen where it was said. */
  readonly onShow: (message: WireMessage) => void;
  /** null: the field stays when it is left. */
  readonly onClose: (() => void) | null;
  /** What stands here while nothing is looked for. */
  readonly children?: ReactNode;
}

/** A field for words, and what was found. Arrow keys go through it, Escape leaves it. */
export function Search(props: SearchProps) {
  const { session, state, conversationId, label, onShow, onClose, children } = props;
  const [search] = useState(() => session.finding.newSearch(conversationId));
  const searched = useSyncExternalStore(search.subscribe, search.state);
  const box = useRef<HTMLElement>(null);
  useEffect(() => search.clear, [search]);
  const { text } = searched;

  function leave() {
    search.clear();
    if (onClose === null) box.current?.querySelector("input")?.focus();
    else onClose();
  }

  function onKeyDown(event: KeyboardEvent) {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Escape" && (text !== "" || onClose !== null)) {
      event.preventDefault();
      leave();
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const stops = [...(box.current?.querySelectorAll<HTMLElement>("input, .found") ?? [])];
    const index = stops.findIndex((stop) => stop.matches(":focus"));
    if (step === undefined || index < 0 || text === "") return;
    event.preventDefault();
    stops[index + step]?.focus();
  }

  return (
    <search ref={box} className="search" onKeyDown={onKeyDown}>
      <form
        className="search-field"
        onSubmit={(event) => {
          event.preventDefault();
          search.more();
        }}
      >
        <SearchIcon size={18} />
        <input
          // biome-ignore lint/a11y/noAutofocus: it has just been asked for
          autoFocus={onClose !== null}
          aria-label={label}
          placeholder={label}
          maxLength={LONGEST_TEXT}
          value={text}
          onChange={({ target }) => search.type(target.value)}
          autoComplete="off"
          enterKeyHint="search"
        />
        {(text !== "" || onClose !== null) && (
          <button
            type="button"
            className="icon-button"
            aria-label={onClose === null ? "Clear the search" : "Close the search"}
            onClick={leave}
          >
            <CloseIcon />
          </button>
        )}
      </form>
      {text.trim() === "" ? (
        children
      ) : (
        <div className="lists">
          <ol aria-label="Messages found">
            {searched.found.map((found) => (
              <li key={found.message.id}>
                <FoundMessage
                  {...{ state, found, onShow }}
                  showsConversation={conversationId === null}
                />
              </li>
            ))}
          </ol>
          <p role="status" className="empty">
            {statusText(searched)}
          </p>
          {searched.hasMore && !searched.isSearching && (
            <button type="button" className="link-button more" onClick={search.more}>
              {searched.fault === null ? "Search on" : "Try again"}
            </button>
          )}
        </div>
      )}
    </search>
  );
}

interface FoundMessageProps extends Pick<SearchProps, "state" | "onShow"> {
  readonly found: Found;
  readonly showsConversation: boolean;
}

function FoundMessage({ state, found, showsConversation, onShow }: FoundMessageProps) {
  const { message, excerpt } = found;
  const { conversationId, senderId, timestampMs } = message;
  const sender = senderId === state.userId ? "You" : nameOf(state, senderId);
  return (
    <button type="button" className="found" onClick={() => onShow(message)}>
      <span className="row-title">
        {showsConversation ? titleOfId(state, conversationId) : sender}
      </span>
      <span className="row-time">{listLabel(timestampMs, Date.now())}</span>
      <span className="found-text">
        {showsConversation && `${sender}: `}
        <bdi>
          {excerpt.map(({ start, text, isHit }) =>
            isHit ? <mark key={start}>{text}</mark> : text,
          )}
        </bdi>
      </span>
    </button>
  );
}

function statusText({ found, isSearching, hasMore, fault }: SearchState): string {
  if (fault !== null) return fault;
  if (isSearching) return "Searching…";
  if (found.length > 0) return "";
  return hasMore ? "Nothing found so far." : "Nothing found.";
}
