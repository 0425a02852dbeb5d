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

export function MoreIcon({ size = 20 }: IconProps) {
  return (
    <Icon size={size}>
      <path strokeWidth="3" d="M12 5.5v.01M12 12v.01M12 18.5v.01" />
    </Icon>
  );
}

export function ReplyIcon({ size = 20 }: IconProps) {
  return (
    <Icon size={size}>
      <path d="M10 6L4 12l6 6M4.5 12H14a6 6 0 0 1 6 6v1" />
    </Icon>
  );
}

export function CopyIcon({ size = 20 }: IconProps) {
  return (
    <Icon size={size}>
      <path d="M9 9h10v11H9zM5.5 15H5V4h10v.8" />
    </Icon>
  );
}

export function PinIcon({ size = 20 }: IconProps) {
  return (
    <Icon size={size}>
      <path d="M9 4h6l-1 6 3.5 3.5h-11L10 10zM12 13.5V20" />
    </Icon>
  );
}

export function EditIcon({ size = 20 }: IconProps) {
  return (
    <Icon size={size}>
      <path d="M4 20l1-4.5L16 4.5l3.5 3.5L8.5 19zM13.5 7l3.5 3.5" />
    </Icon>
  );
}

export function TrashIcon({ size = 20 }: IconProps) {
  return (
    <Icon size={size}>
      <path d="M5 7h14M10 7V4.5h4V7M7 7l.8 12.5h8.4L17 7M10.5 11v5M13.5 11v5" />
    </Icon>
  );
}

export function SmileIcon({ size = 22 }: IconProps) {
  return (
    <Icon size={size}>
      <path d="M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17ZM8.5 14a4 4 0 0 0 7 0M9 9.5v.5M15 9.5v.5" />
    </Icon>
  );
}

export function CheckIcon({ size = 20 }: IconProps) {
  return (
    <Icon size={size}>
      <path d="M5 12.5l4.5 4.5L19 7.5" />
    </Icon>
  );
}

export function InfoIcon({ size = 20 }: IconProps) {
  return (
    <Icon size={size}>
      <path d="M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17ZM12 11v5M12 8v.01" />
    </Icon>
  );
}

export function BellIcon({ size = 20 }: IconProps) {
  return (
    <Icon size={size}>
      <path d="M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 1.5h-15zM10 20.5h4" />
    </Icon>
  );
}

export function MutedIcon({ size = 16 }: IconProps) {
  return (
    <Icon size={size}>
      <path d="M7 9.5A6 6 0 0 1 18 11v4M15.5 18h-11L6 16.5V12M10 20.5h4M4 4l16 16" />
    </Icon>
  );
}

export function ArchiveIcon({ size = 20 }: IconProps) {
  return (
    <Icon size={size}>
      <path d="M4 5h16v4H4zM5.5 9v10h13V9M10 13h4" />
    </Icon>
  );
}

export function GroupIcon({ size = 20 }: IconProps) {
  return (
    <Icon size={size}>
      <path d="M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM3 19.5a6 6 0 0 1 12 0M16 4.3a3.5 3.5 0 0 1 0 6.4M17.5 14.3a6 6 0 0 1 3.5 5.2" />
    </Icon>
  );
}

export function SearchIcon({ size = 20 }: IconProps) {
  return (
    <Icon size={size}>
      <path d="M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM15.5 15.5L20 20" />
    </Icon>
  );
}

export function ClockIcon({ size = 20 }: IconProps) {
  return (
    <Icon size={size}>
      <path d="M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17ZM12 7.5V12l3 2" />
    </Icon>
  );
}

export function PersonIcon({ size = 20 }: IconProps) {
  return (
    <Icon size={size}>
      <path d="M12 11.5a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4.5 20a7.5 7.5 0 0 1 15 0" />
    </Icon>
  );
}

export function ClipIcon({ size = 22 }: IconProps) {
  return (
    <Icon size={size}>
      <path d="M19.5 11.5l-7.6 7.6a4.6 4.6 0 0 1-6.5-6.5l8-8a3 3 0 0 1 4.3 4.3l-7.9 7.9a1.5 1.5 0 0 1-2.1-2.1l7.2-7.2" />
    </Icon>
  );
}

export function FileIcon({ size = 22 }: IconProps) {
  return (
    <Icon size={size}>
      <path d="M13.5 3.5H7A1.5 1.5 0 0 0 5.5 5v14A1.5 1.5 0 0 0 7 20.5h10a1.5 1.5 0 0 0 1.5-1.5V8.5ZM13.5 3.5v5h5" />
    </Icon>
  );
}

export function DownloadIcon({ size = 20 }: IconProps) {
  return (
    <Icon size={size}>
      <path d="M12 4v10.5M7.5 10.5l4.5 4.5 4.5-4.5M5 19.5h14" />
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
