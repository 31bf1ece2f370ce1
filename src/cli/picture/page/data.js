'use strict';
// What gmem found, as it wrote it: facts in JSON, events and states as numbers of seven bits a byte (packed.hpp, events.hpp, summary.hpp).

const began_loading = performance.now();
const facts = JSON.parse(document.getElementById('facts').textContent);

class Reader {
  constructor(id) {
    const element = document.getElementById(id);
    const text = atob(element.textContent.trim());
    element.remove();
    this.bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; ++i) this.bytes[i] = text.charCodeAt(i);
    this.at = 0;
  }

  number() {
    let byte = this.bytes[this.at++];
    if (byte < 0x80) return byte;
    let n = byte & 0x7f;
    for (let scale = 0x80; ; scale *= 0x80) {
      byte = this.bytes[this.at++];
      n += (byte & 0x7f) * scale;
      if (byte < 0x80) return n;
    }
  }

  signed() {
    const n = this.number();
    return n % 2 ? -(n + 1) / 2 : n / 2;
  }
}

const kind_numbers = Object.fromEntries(facts.kinds.map((k, i) => [k.name, i]));

// Columns: a row of each is an event.
function read_events() {
  const count = facts.eventCount;
  const e = {
    count, kind: new Uint8Array(count), detail: new Uint8Array(count), time: new Float64Array(count), duration: new Float64Array(count),
    space: new Int16Array(count).fill(-1), first: new Float64Array(count), pages: new Float64Array(count), result: new Int32Array(count),
    at: new Map(), who: new Uint32Array(count), stack: new Uint16Array(count),
  };
  const r = new Reader('events');
  let time = 0, first = 0;
  for (let i = 0; i < count; ++i) {
    const what = r.number();
    e.kind[i] = what & 31;
    e.detail[i] = what >> 5;
    e.time[i] = time += r.signed();
    e.duration[i] = r.number();
    e.space[i] = r.number() - 1;
    if (e.space[i] >= 0) {
      e.first[i] = first += r.signed();
      e.pages[i] = r.number();
    }
    e.result[i] = r.signed();
    if (e.result[i] < 0) e.at.set(i, r.number());
    e.who[i] = r.number();
    e.stack[i] = r.number();
  }
  return e;
}

const events = read_events();
const is_conversion = i => events.kind[i] === kind_numbers.convert || events.kind[i] === kind_numbers.vm_attributes;
const changes_state = i => events.space[i] >= 0 && events.result[i] >= 0 && (is_conversion(i) || events.kind[i] === kind_numbers.create);
