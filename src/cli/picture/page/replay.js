'use strict';
// The states at any moment: what changed them, in order, and how far it has been applied.

function exact_changes() {
  let count = 0;
  for (let i = 0; i < events.count; ++i) count += changes_state(i);
  const c = { count, time: new Float64Array(count), space: new Int16Array(count), first: new Float64Array(count), pages: new Float64Array(count), value: new Uint8Array(count) };
  let latest = 0;
  for (let i = 0, n = 0; i < events.count; ++i) {
    if (!changes_state(i)) continue;
    // In the order of the log, where a conversion stands when it is over.
    c.time[n] = latest = Math.max(latest, events.time[i] + events.duration[i]);
    c.space[n] = events.space[i];
    c.first[n] = events.first[i];
    c.pages[n] = events.pages[i];
    c.value[n] = events.detail[i] ? 1 : 0;
    ++n;
  }
  return c;
}

function summarised_changes() {
  const { count, steps } = facts.summary;
  const c = { count, time: new Float64Array(count), space: new Int16Array(count), first: new Float64Array(count), pages: new Float64Array(count), value: new Uint8Array(count) };
  const r = new Reader('summary');
  const step_time = Math.floor(facts.duration / steps) + 1;
  let step = 0, space = 0, first = 0;
  for (let i = 0; i < count; ++i) {
    step += r.signed();
    c.time[i] = Math.min((step + 1) * step_time, facts.duration);
    c.space[i] = space += r.signed();
    c.first[i] = first += r.signed();
    c.pages[i] = r.number();
    c.value[i] = r.number();
  }
  return c;
}

class Replay {
  constructor() {
    this.is_exact = !facts.summary;
    this.changes = this.is_exact ? exact_changes() : summarised_changes();
    // Pages of the smallest thing that is known.
    this.piece = this.is_exact ? 1 : 2 ** facts.summary.shift;
    this.rewind();
  }

  rewind() {
    this.states = facts.spaces.map(s => this.is_exact ? new PageStates(s.pages, s.initial) : new PieceStates(s.pages, s.initial, facts.summary.shift));
    this.next = 0;
  }

  // How many changes are over at `time`.
  changes_until(time) {
    let low = 0, high = this.changes.count;
    while (low < high) {
      const middle = low + high >> 1;
      if (this.changes.time[middle] <= time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  seek(time) {
    const end = this.changes_until(time);
    if (end < this.next) this.rewind();
    const c = this.changes;
    for (; this.next < end; ++this.next) this.states[c.space[this.next]].set(c.first[this.next], c.pages[this.next], c.value[this.next]);
  }

  // When the last change before `time` was, or the first after.
  neighbour(time, forward) {
    const c = this.changes;
    if (forward) {
      const n = this.changes_until(time);
      return n < c.count ? c.time[n] : facts.duration;
    }
    let n = this.changes_until(time) - 1;
    while (n >= 0 && c.time[n] >= time) --n;
    return n >= 0 ? c.time[n] : 0;
  }
}
