'use strict';
// Pointer, keyboard, buttons.

const play = { is_on: false, last: 0 };
const playing_seconds = 20; // of the whole trace at speed 1

function set_playing(on) {
  play.is_on = on;
  element('play').textContent = on ? 'Stop' : 'Play';
  if (!on) return;
  if (view.time >= facts.duration) view.time = 0;
  play.last = performance.now();
  requestAnimationFrame(play_on);
}

function play_on(now) {
  if (!play.is_on) return;
  const passed = Math.max(now - play.last, 0) / 1000;
  play.last = now;
  view.time = Math.min(view.time + passed / playing_seconds * Number(element('speed').value) * facts.duration, facts.duration);
  changed();
  if (view.time >= facts.duration) set_playing(false);
  else requestAnimationFrame(play_on);
}

function set_time(time) {
  view.time = Math.min(Math.max(time, 0), facts.duration);
  changed();
}

function draw_time() {
  const slider = element('slider');
  slider.value = facts.duration ? view.time / facts.duration : 1;
  slider.setAttribute('aria-valuetext', time_text(view.time));
  const total = facts.spaces.reduce((sum, s) => sum + s.pages, 0);
  const n = replay.states.reduce((sum, s) => sum + s.private_pages(0, s.pages), 0);
  element('now').textContent = `${time_text(view.time)} \u00b7 ${pages_text(Math.round(n))} private, ${pages_text(Math.round(total - n))} shared`;
}
drawn.push(draw_time);

function set_theme(theme) {
  document.documentElement.dataset.theme = theme;
  element('theme').textContent = theme === 'dark' ? 'Light' : 'Dark';
  read_colours();
  changed();
}

const cell_at = e => {
  const box = map.getBoundingClientRect();
  const column = Math.floor((e.clientX - box.left - gutter) / layout.across), row = Math.floor((e.clientY - box.top - 1) / layout.down);
  return column >= 0 && column < layout.columns && row >= 0 && row < layout.rows ? pages_of_cell(column, row) : null;
};

function begin_pointer() {
  let from = null;
  const extend = to => {
    const first = Math.min(from[0], to[0]);
    view.select(first, Math.max(from[0] + from[1], to[0] + to[1]) - first);
    changed();
  };
  map.addEventListener('pointerdown', e => {
    from = cell_at(e);
    if (!from) return;
    map.setPointerCapture(e.pointerId);
    extend(e.shiftKey ? [view.selection.first, view.selection.pages] : from);
  });
  map.addEventListener('pointermove', e => {
    const at = cell_at(e);
    if (from && at && e.buttons) extend(at);
    show_tip(e, at);
  });
  map.addEventListener('pointerup', () => { from = null; });
  map.addEventListener('pointerleave', () => { element('tip').hidden = true; });
  map.addEventListener('dblclick', e => {
    const at = cell_at(e);
    if (!at) return;
    view.select(...at);
    view.zoom(1 / 16);
    changed();
  });
  map.addEventListener('wheel', e => {
    const at = cell_at(e);
    if (!at || e.ctrlKey) return;
    const zooms_in = e.deltaY < 0;
    if (zooms_in ? view.span <= 1 : view.span >= view.whole) return; // the page scrolls
    e.preventDefault();
    view.show(at[0], view.span * (zooms_in ? 1 / 4 : 4));
    changed();
  }, { passive: false });

  for (const [id, act] of [['activity', (x, width) => set_time(time_at(x, width))], ['overview', (x, width) => {
    view.show((x - gutter) / (width - gutter) * view.pages, view.span);
    changed();
  }]]) {
    const canvas = element(id);
    const move = e => {
      if (e.buttons) act(e.offsetX, canvas.clientWidth);
    };
    canvas.addEventListener('pointerdown', e => {
      canvas.setPointerCapture(e.pointerId);
      move(e);
    });
    canvas.addEventListener('pointermove', move);
  }
}

function show_tip(e, at) {
  const tip = element('tip');
  tip.hidden = !at;
  if (!at) return;
  const n = replay.states[view.space].private_pages(...at);
  const state = n === 0 ? 'shared' : n >= at[1] ? 'private' : `mixed, ${Math.min(Math.max(Math.round(n / at[1] * 100), 1), 99)}\u202f% private`;
  tip.textContent = `${range_text(...at)} \u00b7 ${state}`;
  const panel = map.parentElement.getBoundingClientRect();
  tip.style.left = `${Math.min(e.clientX - panel.left + 14, panel.width - tip.offsetWidth - 4)}px`;
  tip.style.top = `${e.clientY - panel.top + 18}px`;
}

// The selection moves by cells; what leaves the map takes the map along.
function move_selection(cells_on) {
  const size = layout.pages;
  const first = Math.floor(view.selection.first / size) * size + cells_on * size;
  if (first < 0 || first >= view.pages) return;
  view.select(first, size);
  if (view.selection.first < view.first || view.selection.first >= view.first + view.span) view.show(view.selection.first, view.span);
}
function move_map(parts) {
  view.show(view.first + parts * view.span, view.span);
  view.select(view.first, view.grid.pages);
}

const map_keys = {
  ArrowLeft: () => move_selection(-1), ArrowRight: () => move_selection(1),
  ArrowUp: () => move_selection(-layout.columns), ArrowDown: () => move_selection(layout.columns),
  PageUp: () => move_map(-1), PageDown: () => move_map(1), Enter: () => view.zoom(1 / 16), Backspace: () => view.zoom(16),
};
const keys = {
  ' ': () => set_playing(!play.is_on), ',': () => set_time(replay.neighbour(view.time, false)), '.': () => set_time(replay.neighbour(view.time, true)),
  '[': () => set_time(view.time - facts.duration / 100), ']': () => set_time(view.time + facts.duration / 100),
  Home: () => set_time(0), End: () => set_time(facts.duration),
  '+': () => view.zoom(1 / 4), '=': () => view.zoom(1 / 4), '-': () => view.zoom(4), 0: () => view.show_whole(),
  g: () => element('goto').focus(), f: () => choose_space((view.space + 1) % facts.spaces.length),
  t: () => set_theme(document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark'), '?': () => element('manual').showModal(),
};

function choose_space(n) {
  if (!facts.spaces.length) return;
  view.choose_space(n);
  element('space').value = String(n);
}

function begin_keys() {
  document.addEventListener('keydown', e => {
    if (e.ctrlKey || e.altKey || e.metaKey || element('manual').open) return;
    const name = e.target.tagName;
    if (name === 'INPUT' && e.target.type === 'text' || name === 'SELECT') return;
    if (e.key === ' ' && (name === 'BUTTON' || name === 'SUMMARY')) return; // it presses the button
    const act = e.target === map && map_keys[e.key] || keys[e.key];
    if (!act) return;
    e.preventDefault();
    act();
    changed();
  });
}

function begin_buttons() {
  const on = (id, what, act) => element(id).addEventListener(what, e => {
    act(e);
    changed();
  });
  on('whole', 'click', () => view.show_whole());
  on('in', 'click', () => view.zoom(1 / 4));
  on('out', 'click', () => view.zoom(4));
  on('before', 'click', keys[',']);
  on('after', 'click', keys['.']);
  on('play', 'click', keys[' ']);
  on('theme', 'click', keys.t);
  on('help', 'click', keys['?']);
  on('space', 'change', () => choose_space(Number(element('space').value)));
  on('slider', 'input', () => set_time(Number(element('slider').value) * facts.duration));
  on('goto', 'keydown', e => {
    if (e.key === 'Escape') map.focus();
    if (e.key !== 'Enter') return;
    const bytes = Number(element('goto').value.trim());
    const is_right = element('goto').value.trim() !== '' && bytes >= 0 && bytes / page_bytes < view.pages;
    element('goto').setCustomValidity(is_right ? '' : `An offset below ${hex(view.pages * page_bytes)}, as 0x200000 or 2097152`);
    element('goto').reportValidity();
    if (!is_right) return;
    view.go_to([view.space, Math.floor(bytes / page_bytes), 1]);
    map.focus();
  });
}
