import { useId } from "react";

export interface SwitchProps {
  readonly label: string;
  /** Where the label does not say all. */
  readonly hint?: string | null;
  readonly isOn: boolean;
  readonly isDisabled?: boolean;
  readonly onTurn: (isOn: boolean) => void;
}

/** Something that is on or off at once, without a button to confirm it. */
export function Switch({ label, hint = null, isOn, isDisabled = false, onTurn }: SwitchProps) {
  const hintId = useId();
  return (
    <div className="switch-row">
      <label>
        <span>{label}</span>
        {/* Not `disabled`, which would take the focus from it while it turns. */}
        <button
          type="button"
          role="switch"
          className="switch"
          aria-checked={isOn}
          aria-disabled={isDisabled}
          aria-describedby={hint === null ? undefined : hintId}
          onClick={() => {
            if (!isDisabled) onTurn(!isOn);
          }}
        />
      </label>
      {hint !== null && (
        <p id={hintId} className="hint">
          {hint}
        </p>
      )}
    </div>
  );
}
