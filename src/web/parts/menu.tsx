import {
  createContext,
  type KeyboardEvent,
  type ReactNode,
  useContext,
  useEffect,
  useLayoutEffect,
  useRef,
} from "react";

const GAP_PX = 4;
const EDGE_PX = 8;
/** Below it a menu is a sheet at the bottom, as `page.css` has it. */
const NARROW = "(max-width: 44rem)";

const Choose = createContext<(action: () => void) => void>((action) => action());

export interface MenuProps {
  readonly label: string;
  /** Beside it the menu opens, and to it the focus returns. */
  readonly anchor: HTMLElement;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

/** A menu above everything else. Arrow keys go through it; Escape and a press outside close it. */
export function Menu({ label, anchor, onClose, children }: MenuProps) {
  const box = useRef<HTMLDivElement>(null);

  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    element.showPopover();
    place(element, anchor);
    itemsOf(element)[0]?.focus();
    return () => {
      if (element.contains(document.activeElement)) anchor.focus({ preventScroll: true });
    };
  }, [anchor]);

  useEffect(() => {
    const onPress = ({ target }: Event) => {
      if (!(target instanceof Node)) return;
      if (box.current?.contains(target) !== true && !anchor.contains(target)) onClose();
    };
    document.addEventListener("pointerdown", onPress);
    window.addEventListener("resize", onClose);
    return () => {
      document.removeEventListener("pointerdown", onPress);
      window.removeEventListener("resize", onClose);
    };
  }, [anchor, onClose]);

  function onKeyDown(event: KeyboardEvent) {
    const element = box.current;
    if (element === null) return;
    if (event.key === "Escape" || event.key === "Tab") {
      event.preventDefault();
      event.stopPropagation();
      onClose();
      return;
    }
    const items = itemsOf(element);
    const index = items.findIndex((item) => item.matches(":focus"));
    const next = nextIndex(event.key, index, items.length);
    if (next === null) return;
    event.preventDefault();
    items[next]?.focus();
  }

  function choose(action: () => void) {
    onClose();
    action();
  }

  return (
    <div
      ref={box}
      popover="manual"
      role="menu"
      className="menu"
      aria-label={label}
      onKeyDown={onKeyDown}
    >
      <Choose value={choose}>{children}</Choose>
    </div>
  );
}

export interface MenuItemProps {
  readonly icon?: ReactNode;
  readonly isDanger?: boolean;
  readonly onSelect: () => void;
  readonly children: ReactNode;
}

export function MenuItem(props: MenuItemProps) {
  const { icon, isDanger = false, onSelect, children } = props;
  const choose = useContext(Choose);
  return (
    <button
      type="button"
      role="menuitem"
      tabIndex={-1}
      className={isDanger ? "menu-item danger" : "menu-item"}
      onClick={() => choose(onSelect)}
    >
      {icon !== undefined && <span className="menu-icon">{icon}</span>}
      {children}
    </button>
  );
}

/** An item without a text, one of a row. */
export function MenuButton({
  label,
  isChecked,
  onSelect,
  children,
}: Pick<MenuItemProps, "onSelect" | "children"> & {
  readonly label: string;
  readonly isChecked: boolean;
}) {
  const choose = useContext(Choose);
  return (
    <button
      type="button"
      role="menuitemcheckbox"
      aria-checked={isChecked}
      aria-label={label}
      tabIndex={-1}
      className="menu-button"
      onClick={() => choose(onSelect)}
    >
      {children}
    </button>
  );
}

function itemsOf(element: HTMLElement): HTMLElement[] {
  return [...element.querySelectorAll<HTMLElement>("[role^=menuitem]")];
}

function nextIndex(key: string, index: number, count: number): number | null {
  switch (key) {
    case "ArrowDown":
    case "ArrowRight":
      return (index + 1) % count;
    case "ArrowUp":
    case "ArrowLeft":
      return (index + count - 1) % count;
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return null;
  }
}

/** Below the anchor, or above it where there is more room; never over the edge. */
function place(element: HTMLElement, anchor: HTMLElement): void {
  if (matchMedia(NARROW).matches) return;
  const at = anchor.getBoundingClientRect();
  const { width, height } = element.getBoundingClientRect();
  const below = at.bottom + GAP_PX;
  const top = below + height + EDGE_PX <= innerHeight ? below : at.top - height - GAP_PX;
  const left = at.left + width + EDGE_PX <= innerWidth ? at.left : at.right - width;
  element.style.top = `${Math.max(EDGE_PX, top)}px`;
  element.style.left = `${Math.max(EDGE_PX, left)}px`;
}
