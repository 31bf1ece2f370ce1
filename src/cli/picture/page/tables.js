'use strict';
// What does not change with the moment: the hottest ranges, pins, failures, kinds, processes.

const several = facts.spaces.length > 1;
const place_cells = (columns, place) => [...(several ? [place ? facts.spaces[place[0]].id : ''] : []), place ? range_text(place[1], place[2]) : '', place ? pages_text(place[2]) : ''];
const place_columns = [...(several ? [['file', '']] : []), ['range', 'a'], ['size', 'n']];

function show_place(place, time) {
  if (time !== undefined) view.time = time;
  if (place) view.go_to(place);
  element('map-title').scrollIntoView({ block: 'nearest' });
  changed();
}

function fill_hottest() {
  const columns = [['times', 'n'], ['', ''], ...place_columns];
  const most = facts.hottest.length ? facts.hottest[0][3] : 1;
  fill_table(element('hottest'), columns, facts.hottest.map(([space, first, pages, times]) => {
    const row = cells(columns, [count_text(times), '', ...place_cells(columns, [space, first, pages])]);
    const bar = make('span', 'share');
    bar.style.width = `${Math.max(times / most * 90, 1)}px`;
    row[1].append(bar);
    return link_row(row, `Show ${range_text(first, pages)}`, () => show_place([space, first, pages]));
  }), 'Nothing was converted.');
}

function fill_failures() {
  const columns = [['call', ''], ['errno', ''], ['times', 'n'], ['first', 'n'], ['last', 'n'], ['the first at', 'a']];
  const failures = [...facts.failures].sort((a, b) => b.count - a.count);
  fill_table(element('failures'), columns, failures.map(f => link_row(
    cells(columns, [facts.kinds[f.kind].name.replace(/_/g, ' '), `${f.name || f.errno}: ${f.words}`, count_text(f.count), time_text(f.first), time_text(f.last), f.place ? range_text(f.place[1], f.place[2]) : '']),
    `Show the first ${f.name}`, () => show_place(f.place, f.first))), 'Nothing failed.');
}

function fill_pins() {
  const columns = [['from', 'n'], ['lasted', 'n'], ['by', ''], ['process', ''], ...place_columns];
  const words = facts.kinds[kind_numbers.pin].words || [];
  const lasted = p => (p[1] || facts.duration) - p[0];
  const pins = [...facts.pins].sort((a, b) => (a[1] === 0) !== (b[1] === 0) ? (a[1] === 0 ? -1 : 1) : lasted(b) - lasted(a)).slice(0, 200);
  fill_table(element('pins'), columns, pins.map(p => {
    const row = cells(columns, [time_text(p[0]), p[1] ? duration_text(lasted(p)) : 'not unpinned', (words[p[3]] || `kind ${p[3]}`).replace(/_/g, ' '), String(p[5]), ...place_cells(columns, p[2])]);
    if (!p[1]) row[1].classList.add('bad');
    return link_row(row, 'Show this pin', () => show_place(p[2], p[0]));
  }), 'Nothing was pinned.');
  if (facts.pins.length > 200 || facts.pinsNotKept)
    element('pins').after(make('p', 'quiet', `${count_text(facts.pins.length + facts.pinsNotKept)} pins in all; here are those that lasted longest${facts.pinsNotKept ? ` of the first ${count_text(facts.pins.length)}` : ''}.`));
}

function fill_kinds() {
  const columns = [['kind', ''], ['events', 'n']];
  fill_table(element('kinds'), columns, facts.kinds.filter(k => k.count).map(k => make('tr', '', ...cells(columns, [k.name.replace(/_/g, ' '), count_text(k.count)]))), 'None.');
}

function fill_processes() {
  const columns = [['process', 'n'], ['parent', 'n'], ['', ''], ['program', 'w']];
  fill_table(element('processes'), columns, facts.processes.slice(0, 500).map(([id, parent, forked, name]) => make('tr', '', ...cells(columns, [String(id), String(parent), forked ? 'forked' : 'began', name]))), 'None is in this trace.');
}

function fill_words() {
  document.title = `gmem report: ${facts.trace}`;
  element('title').textContent = facts.command.join(' ') || facts.trace;
  element('subtitle').textContent = [facts.trace, new Date(facts.began).toISOString().replace('T', ' ').replace(/\.\d+Z/, ' UTC'), duration_text(facts.duration), `${count_text(facts.events)} events`,
    `${count_text(facts.conversions)} conversions`, `${count_text(facts.failed)} failures`, facts.settings].filter(Boolean).join(' \u00b7 ');
  const notes = [];
  if (facts.dropped) notes.push(`${count_text(facts.dropped)} events found no place in the trace: the picture is not complete.`);
  if (facts.latestOnly) notes.push('The trace has only the latest events: states before the first of them are not known.');
  if (facts.missing) notes.push(`${count_text(facts.missing)} events were cut off by the death of their writer.`);
  if (facts.strange) notes.push(`${count_text(facts.strange)} events make no sense and were left out.`);
  if (facts.summary)
    notes.push(`Too many events for one page: the map is exact at ${facts.summary.steps} moments and to pieces of ${pages_text(replay.piece)}; histories have one in ${facts.oneIn[0]} of the conversions, one in ${facts.oneIn[1]} of the failures and one in ${facts.oneIn[2]} of the rest. Counts, durations and the other tables are of all events.`);
  const guessed = facts.spaces.filter(s => !s.initialIsKnown && s.of === 'guest_memfd');
  if (guessed.length) notes.push(`How guest_memfd ${guessed.slice(0, 5).map(s => s.id).join(', ')} began is not in the trace: the opposite of its first conversion is assumed.`);
  if (!facts.spaces.length) notes.push('No event of this trace is about guest memory.');
  element('notes').hidden = !notes.length;
  element('notes').textContent = notes.join(' ');
}
