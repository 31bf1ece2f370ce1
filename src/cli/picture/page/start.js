'use strict';

fill_words();
fill_durations();
fill_hottest();
fill_failures();
fill_pins();
fill_kinds();
fill_processes();
element('space').append(...facts.spaces.map((s, i) => new Option(space_text(s), i)));

begin_pointer();
begin_keys();
begin_buttons();

const prefers_dark = matchMedia('(prefers-color-scheme: dark)');
prefers_dark.addEventListener('change', e => set_theme(e.matches ? 'dark' : 'light'));
set_theme(prefers_dark.matches ? 'dark' : 'light');
new ResizeObserver(changed).observe(document.body);

// On paper it is light.
let theme_of_screen = 'light';
addEventListener('beforeprint', () => {
  theme_of_screen = document.documentElement.dataset.theme;
  printing = true;
  set_theme('light');
  draw_all();
});
addEventListener('afterprint', () => {
  printing = false;
  set_theme(theme_of_screen);
});

// What most memory is said of is shown first.
if (facts.spaces.length) choose_space(facts.spaces.reduce((best, s, i) => s.conversions > facts.spaces[best].conversions ? i : best, 0));
draw_all();
const loaded_in = performance.now() - began_loading;
element('footer').textContent = `Made by gmem report. ${count_text(facts.eventCount)} events one by one, drawn ${Math.round(loaded_in)} ms after they were read.`;
document.documentElement.dataset.loaded = String(Math.round(loaded_in));
