import { useState } from "react";
import type { QuietHours } from "../wire-notifications.ts";
import { Fault } from "./dialog.tsx";
import { Switch } from "./switch.tsx";

export interface QuietHoursFieldsProps {
  readonly quietHours: QuietHours | null;
  readonly onChange: (quietHours: QuietHours | null) => void;
}

/** A night's. */
const USUAL = { from: "22:00", to: "07:00" };

/** From when to when nothing is told: by this browser's clock, once they are set here. */
export function QuietHoursFields({ quietHours, onChange }: QuietHoursFieldsProps) {
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
  return (
    <div className="quiet-hours">
      <Switch
        label="Quiet hours"
        hint="What comes then, you are told of at their end."
        isOn={quietHours !== null}
        onTurn={(isOn) => onChange(isOn ? { ...USUAL, timeZone } : null)}
      />
      {quietHours !== null && (
        <QuietTimes {...quietHours} onChange={(times) => onChange({ ...times, timeZone })} />
      )}
      {quietHours !== null && quietHours.timeZone !== timeZone && (
        <p className="hint">By the clocks of {quietHours.timeZone}.</p>
      )}
    </div>
  );
}

interface Times {
  readonly from: string;
  readonly to: string;
}

interface QuietTimesProps extends Times {
  readonly onChange: (times: Times) => void;
}

function QuietTimes({ from, to, onChange }: QuietTimesProps) {
  const [written, setWritten] = useState<Partial<Times>>({});
  const times = { from, to, ...written };

  /** When it is written: each key would be a change, and most of them of half a time. */
  function save() {
    if (times.from === "" || times.to === "") setWritten({});
    else if (times.from !== times.to && (times.from !== from || times.to !== to)) onChange(times);
  }

  const field = (label: string, name: keyof Times) => (
    <label>
      {label}
      <input
        type="time"
        value={times[name]}
        onChange={({ target }) => setWritten({ ...written, [name]: target.value })}
        onKeyDown={({ key }) => {
          if (key === "Enter") save();
        }}
        onBlur={save}
      />
    </label>
  );

  return (
    <>
      <div className="stack quiet-times">
        {field("From", "from")}
        {field("To", "to")}
      </div>
      <Fault text={times.from === times.to ? "They cannot end when they begin." : null} />
    </>
  );
}
