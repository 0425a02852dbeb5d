/** What a row finds by itself, beside what the checker finds in its record. */
export class Findings {
  /** What broke a rule of the row. */
  readonly failures: string[] = [];
  /** Figures worth telling. */
  readonly notes: string[] = [];

  expect(holds: boolean, failure: string): void {
    if (!holds) this.fail(failure);
  }

  fail(failure: string): void {
    this.failures.push(failure);
  }

  note(text: string): void {
    this.notes.push(text);
  }

  /** Complaints of a server are failures; the first of them are told. */
  expectNone(complaints: readonly string[], where: string): void {
    if (complaints.length === 0) return;
    const first = complaints.slice(0, 3).join("; ");
    this.fail(`the server complains ${where} ${complaints.length} times: ${first}`);
  }
}
