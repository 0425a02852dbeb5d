type Task = () => void;

/**
 * What is done when all that was published in a turn of the event loop has reached the buffers of its
 * sockets. The engine hands it over when its loop has looked at the sockets; what a timer or another
 * thread's answer publishes waits for the loop's next round, so tasks run in the round after that.
 */
export class TurnEnd {
  #fresh = new Round();
  #next = new Round();
  #isScheduled = false;
  readonly #schedule: (task: Task) => void;

  /** @param schedule runs a task after the loop's next look at the sockets */
  constructor(schedule: (task: Task) => void = setImmediate) {
    this.#schedule = schedule;
  }

  /** Runs the task once. It must not throw. */
  look(task: Task): void {
    this.#fresh.looks.push(task);
    this.#expect();
  }

  /** As `look`, behind all looks of the turn and what these add. */
  conclude(task: Task): void {
    this.#fresh.conclusions.push(task);
    this.#expect();
  }

  #expect(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#schedule(this.#turn);
  }

  readonly #turn = (): void => {
    this.#isScheduled = false;
    const due = this.#next;
    this.#next = this.#fresh;
    this.#fresh = new Round();
    if (!this.#next.isEmpty) this.#expect();
    for (const look of due.looks) look();
    for (const conclude of due.conclusions) conclude();
  };
}

class Round {
  readonly looks: Task[] = [];
  readonly conclusions: Task[] = [];

  get isEmpty(): boolean {
    return this.looks.length === 0 && this.conclusions.length === 0;
  }
}
