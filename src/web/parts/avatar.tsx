import type { PresenceStatus } from "../wire.ts";

export interface AvatarProps {
  /** Decides the colour. */
  readonly id: string;
  readonly name: string;
  /** A URL. Only this server's own are shown: another site would learn who looks. */
  readonly picture: string | null;
  /** Shown as a dot; null shows none. */
  readonly presence: PresenceStatus | null;
}

const PRESENCE: Readonly<Record<PresenceStatus, string>> = {
  ONLINE: "online",
  AWAY: "away",
  OFFLINE: "offline",
};

export function Avatar({ id, name, picture, presence }: AvatarProps) {
  return (
    <span className="avatar" style={{ "--hue": hueOf(id) }}>
      <span aria-hidden="true">{initialsOf(name)}</span>
      {picture !== null && isOfThisServer(picture) && <img src={picture} alt="" />}
      {presence !== null && presence !== "OFFLINE" && (
        <span
          role="img"
          aria-label={PRESENCE[presence]}
          className={`presence presence-${PRESENCE[presence]}`}
        />
      )}
    </span>
  );
}

function isOfThisServer(address: string): boolean {
  return URL.canParse(address) && new URL(address).origin === location.origin;
}

function initialsOf(name: string): string {
  const words = name.split(/[\s._-]+/).filter((word) => word !== "");
  const letters = words.slice(0, 2).map((word) => [...word][0] ?? "");
  return letters.join("").toUpperCase();
}

function hueOf(id: string): number {
  let hash = 7;
  for (const character of id) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 3600;
  return hash % 360;
}
