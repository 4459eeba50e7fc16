/** Items that come out later, in the order in which they went in; can be held shut. Its owner bounds what goes in. */

export class DelayLine<T> {
  #items: { readonly item: T; readonly at: number }[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;
  #held = false;

  constructor(
    private readonly release: (item: T) => void,
    private readonly now: () => number = () => performance.now(),
  ) {}

  get length(): number {
    return this.#items.length;
  }

  push(item: T, delayMs: number): void {
    const last = this.#items.at(-1);
    const at = Math.max(last?.at ?? 0, this.now() + delayMs);
    this.#items.push({ item, at });
    this.#arm();
  }

  hold(held: boolean): void {
    this.#held = held;
    this.#arm();
  }

  clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#items = [];
  }

  #arm(): void {
    if (this.#held) {
      if (this.#timer !== null) clearTimeout(this.#timer);
      this.#timer = null;
      return;
    }
    const head = this.#items[0];
    if (this.#timer !== null || head === undefined) return;
    this.#timer = setTimeout(() => this.#run(), Math.max(0, head.at - this.now()));
  }

  #run(): void {
    this.#timer = null;
    const now = this.now();
    let released = 0;
    while (!this.#held && released < this.#items.length && this.#items[released]!.at <= now + 0.5) {
      this.release(this.#items[released]!.item);
      released++;
      if (this.#items.length === 0) return;
    }
    this.#items.splice(0, released);
    this.#arm();
  }
}
