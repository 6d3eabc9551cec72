// The state that the player shares with Python and with other views of the same widget.

/** Read-outs, and the values that Python follows, change this often. */
export const READOUT_MS = 100;

export class SharedState {
  constructor({ get, set, save, on }) {
    this.get = get;
    this.setOne = set;
    this.save = save;
    this.subscribe = on;
    this.isWriting = false;
    this.subscriptions = [];
  }

  /** Set values; listeners of this view are not told of its own writing. */
  set(values) {
    this.isWriting = true;
    try {
      for (const [name, value] of Object.entries(values)) this.setOne(name, value);
    } finally {
      this.isWriting = false;
    }
  }

  /** Set values and send them to Python. */
  push(values) {
    this.set(values);
    this.save();
  }

  /** Call `handler(value)` when someone else changes a value. */
  onChange(name, handler) {
    this.on(`change:${name}`, () => this.isWriting || handler(this.get(name)));
  }

  /** Call `handler(message)` for each message from Python. */
  onMessage(handler) {
    this.on("msg:custom", handler);
  }

  on(event, handler) {
    this.subscriptions.push(this.subscribe(event, handler));
  }

  close() {
    for (const unsubscribe of this.subscriptions) unsubscribe?.();
  }
}
