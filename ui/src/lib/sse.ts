// Cuts a stream of server-sent events into events, wherever the network cuts it. (The browser's own `EventSource` can't
// send the header that the control API asks for.)

export interface StreamEvent {
  name: string;
  data: string;
}

export class EventParser {
  #text = '';
  #name = '';
  #data: string[] = [];

  /** The events that became whole with this piece. */
  feed(piece: string): StreamEvent[] {
    this.#text += piece;
    const events: StreamEvent[] = [];
    for (let end = this.#text.indexOf('\n'); end >= 0; end = this.#text.indexOf('\n')) {
      const line = this.#text.slice(0, end).replace(/\r$/, '');
      this.#text = this.#text.slice(end + 1);
      if (line === '') {
        if (this.#data.length > 0) events.push({ name: this.#name, data: this.#data.join('\n') });
        this.#name = '';
        this.#data = [];
        continue;
      }
      const colon = line.indexOf(':');
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'event') this.#name = value;
      else if (field === 'data') this.#data.push(value);
    }
    return events;
  }
}
