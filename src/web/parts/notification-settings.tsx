import { useCallback, useEffect, useState } from "react";
import type { Outcome } from "../attempts.ts";
import type { ChatSession } from "../chat-session.ts";
import type { NotificationState } from "../notifications.ts";
import type { NoticePreferences } from "../wire-notifications.ts";
import { Dialog, Fault } from "./dialog.tsx";
import { QuietHoursFields } from "./quiet-hours-fields.tsx";
import { Switch } from "./switch.tsx";

export interface NotificationSettingsProps {
  readonly session: ChatSession;
  readonly settings: NotificationState;
  readonly onClose: () => void;
}

/** Why this browser cannot be switched on. */
const HINDRANCES = {
  unsupported: "This browser cannot tell you of messages while the page is closed.",
  insecure: "Browsers tell you of messages only from pages that were opened over HTTPS.",
  denied: "The browser does not let this page notify you: allow it in the browser's site settings.",
} as const;

const TURNING = "One moment: the browser asks its push service.";

/** What the user is told of while they are away, and whether this browser tells it. */
export function NotificationSettings({ session, settings, onClose }: NotificationSettingsProps) {
  const { preferences, hasEmail, webPushKey, browser } = settings;
  const [fault, setFault] = useState<string | null>(null);
  const [isTurning, setTurning] = useState(false);
  const { notifications } = session;
  const isAble = browser === "on" || browser === "off";

  const follow = useCallback(async (turn: Promise<Outcome<void>>) => {
    const outcome = await turn;
    setFault(outcome.isDone ? null : outcome.reason);
  }, []);

  useEffect(() => {
    follow(notifications.load()).catch(reportError);
  }, [follow, notifications]);

  function change(wish: Partial<NoticePreferences>) {
    follow(notifications.change(wish)).catch(reportError);
  }

  function turnBrowser(isOn: boolean) {
    setTurning(true);
    follow(isOn ? notifications.switchOn() : notifications.switchOff())
      .catch(reportError)
      .finally(() => setTurning(false));
  }

  return (
    <Dialog title="Notifications" onClose={onClose}>
      <p className="hint">Of what is said while you are away, and have not read elsewhere.</p>
      <Fault text={fault} />
      {webPushKey !== null && (
        <Switch
          label="In this browser"
          hint={isTurning ? TURNING : isAble ? null : HINDRANCES[browser]}
          isOn={browser === "on" && preferences.push}
          isDisabled={isTurning || !isAble}
          onTurn={turnBrowser}
        />
      )}
      {hasEmail && (
        <Switch label="By e-mail" isOn={preferences.email} onTurn={(email) => change({ email })} />
      )}
      <Switch
        label="Previews"
        hint="Who wrote, and what. Without them: only that there is something new."
        isOn={preferences.previews}
        onTurn={(previews) => change({ previews })}
      />
      <div className="stack">
        <label>
          Groups
          <select
            value={preferences.groups}
            onChange={({ target }) => change({ groups: groupsOf(target.value) })}
          >
            <option value="all">All messages</option>
            <option value="mentions">When you are mentioned</option>
            <option value="none">Nothing</option>
          </select>
        </label>
      </div>
      <QuietHoursFields
        quietHours={preferences.quietHours}
        onChange={(quietHours) => change({ quietHours })}
      />
    </Dialog>
  );
}

function groupsOf(value: string): NoticePreferences["groups"] {
  return value === "mentions" || value === "none" ? value : "all";
}
