'use strict';
// The selection: its state at the moment, since when and by what, and every event that touched it.

const rows_at_once = 60;
let history_rows = rows_at_once;
let history_key = '';
let history_events = [];

// Numbers of the events that touched the selection, in order.
function events_of_selection() {
  const { first, pages } = view.selection, key = `${view.space} ${first} ${pages}`;
  if (key === history_key) return history_events;
  history_key = key;
  history_rows = rows_at_once;
  history_events = [];
  for (let i = 0; i < events.count; ++i)
    if (events.space[i] === view.space && events.first[i] < first + pages && events.first[i] + events.pages[i] > first) history_events.push(i);
  return history_events;
}

const end_of = i => events.time[i] + events.duration[i];

function describe_selection(list) {
  if (!facts.spaces.length) return 'There is no guest memory in this trace.';
  const { first, pages } = view.selection;
  const n = replay.states[view.space].private_pages(first, pages);
  const state = n === 0 ? 'shared' : n >= pages ? 'private' : replay.is_exact ? `mixed: ${count_text(n)} of ${count_text(pages)} pages private` : `mixed: about ${Math.round(n / pages * 100)}\u202f% private`;
  const pins = facts.pins.filter(p => p[2] && p[2][0] === view.space && p[2][1] < first + pages && p[2][1] + p[2][2] > first && pin_is_there(p)).length;
  let since = '';
  if (replay.is_exact && (n === 0 || n >= pages)) {
    const last = list.findLast(i => changes_state(i) && end_of(i) <= view.time);
    since = last === undefined ? ', as it was made' : `, since ${time_text(end_of(last))}`;
  }
  return `${range_text(first, pages)} (${pages === 1 ? 'one page' : pages_text(pages)}): ${state}${since}${pins ? `; ${pins} ${pins === 1 ? 'pin' : 'pins'}` : ''}.`;
}

function history_row(columns, i) {
  const at = events.at.get(i);
  const later = end_of(i) > view.time ? ' later' : '';
  const stack = facts.stacks[events.stack[i]];
  const row = link_row(cells(columns, [time_text(events.time[i]), what_text(i), range_text(events.first[i], events.pages[i]), events.duration[i] ? duration_text(events.duration[i]) : '',
    result_text(events.result[i]) + (at ? ` at ${hex(at * page_bytes)}` : ''), who_text(events.who[i])]), `Go to ${time_text(events.time[i])}`, () => {
    view.time = end_of(i);
    changed();
  });
  row.className += later + (stack ? ' has-stack' : '');
  if (events.result[i] < 0) row.children[4].classList.add('bad');
  if (!stack) return [row];
  const [caller, ...rest] = stack.split('\n');
  const cell = make('td', '', make('details', '', make('summary', '', `called from ${caller}`), make('pre', '', rest.join('\n') || '(no more is known)')));
  cell.colSpan = columns.length;
  return [row, make('tr', 'stack' + later, cell)];
}

function draw_history() {
  const list = events_of_selection();
  const words = describe_selection(list);
  if (element('selected').textContent !== words) element('selected').textContent = words;
  map.setAttribute('aria-label', `Map of memory. Selected: ${words}`);
  const columns = [['began', 'n'], ['what', ''], ['range', 'a'], ['took', 'n'], ['result', ''], ['by', '']];
  // The latest first; of what comes after the moment only the next few.
  let now = list.length;
  while (now > 0 && end_of(list[now - 1]) > view.time) --now;
  const end = Math.min(now + 5, list.length), begin = Math.max(now - history_rows, 0);
  const key = `${history_key} ${begin} ${end} ${now}`;
  element('older').hidden = begin === 0;
  element('older').textContent = `Older: ${count_text(begin)} more`;
  if (draw_history.key === key) return;
  draw_history.key = key;
  const scroller = element('history').parentElement;
  fill_table(element('history'), columns, list.slice(begin, end).reverse().flatMap(i => history_row(columns, i)),
    facts.summary && facts.oneIn[0] > 1 ? 'None of the events that are kept one by one touched this.' : 'Nothing touched this.');
  scroller.scrollTop = 0;
}

element('older').addEventListener('click', () => {
  history_rows += 4 * rows_at_once;
  changed();
});

drawn.push(draw_history);
