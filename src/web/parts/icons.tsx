import type { ReactNode } from "react";

interface IconProps {
  readonly size?: number;
}

function Icon({ size = 24, children }: IconProps & { readonly children: ReactNode }) {
  return (
    <svg
      aria-hidden="true"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.8"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      {children}
    </svg>
  );
}

export function SendIcon() {
  return (
    <Icon size={20}>
      <path d="M4.5 12h14M12.5 6l6 6-6 6" />
    </Icon>
  );
}

export function BackIcon() {
  return (
    <Icon>
      <path d="M15 5l-7 7 7 7" />
    </Icon>
  );
}

export function DownIcon() {
  return (
    <Icon size={20}>
      <path d="M6 9l6 6 6-6" />
    </Icon>
  );
}

export function SignOutIcon() {
  return (
    <Icon size={20}>
      <path d="M14 4H6.5A1.5 1.5 0 0 0 5 5.5v13A1.5 1.5 0 0 0 6.5 20H14M10 12h10M16.5 8.5L20 12l-3.5 3.5" />
    </Icon>
  );
}

export function NewChatIcon() {
  return (
    <Icon size={20}>
      <path d="M12 5v14M5 12h14" />
    </Icon>
  );
}

export function CloseIcon() {
  return (
    <Icon size={16}>
      <path d="M6 6l12 12M18 6L6 18" />
    </Icon>
  );
}

/** Two that talk: the mark of Parley. */
export function Mark({ size = 32 }: IconProps) {
  return (
    <svg aria-hidden="true" width={size} height={size} viewBox="0 0 32 32">
      <rect width="32" height="32" rx="9" fill="var(--mark-ground)" />
      <path
        d="M9 8h9a3 3 0 0 1 3 3v3.5a3 3 0 0 1-3 3h-6L8 20.8v-3.5a3 3 0 0 1-2-2.8V11a3 3 0 0 1 3-3Z"
        fill="var(--mark-one)"
      />
      <path
        d="M23 12.7a3 3 0 0 1 3 3v3.6a3 3 0 0 1-2 2.8v3.4l-4-3.2h-6a3 3 0 0 1-2.9-2.3h7.4a4.5 4.5 0 0 0 4.5-4.5Z"
        fill="var(--mark-two)"
      />
    </svg>
  );
}
