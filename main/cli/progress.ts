/** Writes to standard error: a line that is overwritten on a terminal, finished lines elsewhere. */
export class ProgressLine {
  readonly #stream: NodeJS.WriteStream;
  #shown = false;

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream;
  }

  /** The state now; shown on terminals only. */
  update(text: string): void {
    if (!this.#stream.isTTY) return;
    const width = this.#stream.columns > 0 ? this.#stream.columns - 1 : 79;
    this.#stream.write(`\r\u001b[2K${text.slice(0, width)}`);
    this.#shown = true;
  }

  /** Something that stays. */
  line(text: string): void {
    this.clear();
    this.#stream.write(`${text}\n`);
  }

  clear(): void {
    if (this.#shown) this.#stream.write('\r\u001b[2K');
    this.#shown = false;
  }
}

/** "0:07", "12:30", "1:05:00". */
export function clockTime(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  const two = (value: number): string => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** Words about some work, with the time left where it can be told: "3 of 8 pictures, 0:07 left". */
export function withTimeLeft(words: string, secondsLeft: number | null): string {
  return secondsLeft === null ? words : `${words}, ${clockTime(secondsLeft)} left`;
}
