import React, { useState } from "react";
import type { Line } from "./orders";

interface Props {
  lines: Line[];
  onPay?: (total: number) => void;
}

// The list of lines.
export function Orders({ lines, onPay }: Props): JSX.Element {
  const [open, setOpen] = useState<boolean>(true);
  const total = lines.reduce((sum, line) => sum + (line.count ?? 1), 0);
  const limits = { few: 3, many: 10 };
  if (lines.length === 0) {
    return <p className="empty">Nothing here.</p>;
  }
  return (
    <section>
      {open && (
        <ul>
          {lines.map((line) => (
            <li key={line.sku}>{line.sku}</li>
          ))}
        </ul>
      )}
      <button onClick={() => setOpen(!open)}>toggle</button>
      <button disabled={total > limits.many ? true : false} onClick={() => onPay?.(total)} />
    </section>
  );
}
