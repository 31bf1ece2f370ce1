#!/usr/bin/env python3
"""The page of gmem report in a headless Chromium: every control does what it says, nothing complains, nothing is asked of a network.
page_test.py GMEM MAKE_TRACE"""
import os
import shutil
import subprocess
import sys
import tempfile

from browser import Browser

failures = 0


def check(what, is_right, seen=""):
    global failures
    if not is_right:
        failures += 1
        print("FAILED: %s %s" % (what, seen))


def made(folder, name, gmem, make_trace, **wanted):
    trace, page = os.path.join(folder, name + ".trace"), os.path.join(folder, name + ".html")
    subprocess.run([make_trace, trace] + ["%s=%s" % w for w in wanted.items()], check=True)
    subprocess.run([gmem, "report", trace, "-o", page], check=True, stdout=subprocess.DEVNULL)
    return page


def controls(b):
    """Each by pointer or keyboard, as people do."""
    text = lambda selector: b.ask("document.querySelector('%s').textContent" % selector)
    state = lambda: b.ask("({t: view.time, f: view.first, s: view.span, n: view.space, a: view.selection.first, p: view.selection.pages, w: view.whole, d: facts.duration})")

    b.click_on("#map")
    first = state()
    check("a click selects a cell", first["p"] == b.ask("view.grid.pages") and first["a"] > 0, first)
    b.press("ArrowRight")
    check("right moves on by a cell", state()["a"] == first["a"] + first["p"])
    b.press("ArrowDown")
    check("down moves on by a row", state()["a"] == first["a"] + first["p"] * (1 + b.ask("view.grid.columns")))
    b.press("ArrowUp")
    b.press("ArrowLeft")
    check("up and left go back", state()["a"] == first["a"])

    for key, expected in (("+", lambda s: s["w"] / 4), ("+", lambda s: s["w"] / 16), ("-", lambda s: s["w"] / 4), ("0", lambda s: s["w"])):
        b.press(key)
        check("zoom with " + key, state()["s"] == expected(state()), state())
    for selector, expected in (("#in", 4), ("#out", 1), ("#in", 4), ("#whole", 1)):
        b.click_on(selector)
        check("zoom with " + selector, state()["s"] == state()["w"] / expected, state())
    for _ in range(20):
        b.press("+")
    check("zoom to one page", state()["s"] == 1 and "one page" in text("#where"), state())
    check("at one page there is no more zoom", b.ask("document.querySelector('#in').disabled"))
    b.press("0")
    x, y, w, h = b.box("#map")
    b.click(x + w * .6, y + h / 2, times=2)
    check("a double click zooms", state()["s"] == state()["w"] / 16, state())
    b.mouse("mouseWheel", x + w * .6, y + h / 2, deltaX=0, deltaY=100)
    b.settle()
    check("the wheel zooms", state()["s"] == state()["w"] / 4, state())
    b.press("0")
    x, y, w, h = b.box("#map")
    b.click(x + w * .3, y + h * .4, to=(x + w * .5, y + h * .6))
    check("dragging selects a range", state()["p"] > b.ask("view.grid.columns * view.grid.pages"), state())
    b.click_on("#map")
    b.press("PageDown")
    b.press("+")
    b.press("PageDown")
    check("page down shows what is behind", state()["f"] > 0, state())
    b.press("PageUp")
    check("page up goes back", state()["f"] < state()["w"])

    b.press("g")
    for character in "0x10000":
        b.press(character)
    b.press("Enter")
    check("go to an offset", state()["a"] == 16 and state()["p"] == 1, state())
    b.press("g")
    b.ask("element('goto').value = '0xffffffffffff'")
    b.press("Enter")
    check("an offset beyond the end is refused", state()["a"] == 16 and not b.ask("element('goto').checkValidity()"))
    b.ask("element('goto').value = ''; element('goto').setCustomValidity('')")
    b.click_on("#map")

    b.press("Home")
    check("the beginning", state()["t"] == 0)
    before = text("#now")
    b.press("End")
    check("the end", state()["t"] == state()["d"] and text("#now") != before)
    b.press("[")
    check("back by a hundredth", abs(state()["t"] / state()["d"] - .99) < 1e-9)
    b.press("]")
    b.press(",")
    one = state()["t"]
    b.click_on("#before")
    check("the change before", state()["t"] < one)
    b.click_on("#after")
    check("the next change", state()["t"] == one)
    b.press(".")
    check("the next change, by key", state()["t"] > one)
    b.ask("element('slider').value = .25; element('slider').dispatchEvent(new Event('input'))")
    b.settle()
    check("the slider", abs(state()["t"] / state()["d"] - .25) < 1e-3, state())
    x, y, w, h = b.box("#activity")
    b.click(x + w / 2, y + h / 2)
    check("a click into the chart", abs(state()["t"] / state()["d"] - .5) < .02, state())
    b.ask("element('speed').value = '16'")
    b.press(" ")
    check("space plays", b.ask("play.is_on"))
    b.ask("new Promise(done => { const look = () => play.is_on ? setTimeout(look, 50) : done(); look(); })")
    check("playing ends at the end", state()["t"] == state()["d"])
    b.press("Home")
    b.click_on("#play")
    check("the button plays", b.ask("play.is_on"))
    b.click_on("#play")
    check("and stops", not b.ask("play.is_on"))

    for table in ("hottest", "failures", "pins"):
        b.press("Home")
        b.press("0")
        shown = state()
        b.click_on("#%s tbody tr" % table)
        check("a row of %s shows its place" % table, state() != shown, state())
    of_page_0 = lambda kind: b.ask("[...events.kind.keys()].filter(i => events.kind[i] === kind_numbers.%s && events.first[i] === 0 && events.pages[i] > 0).length" % kind)
    check("what is unpinned by its token is not of page 0", of_page_0("unpin") <= of_page_0("pin") < b.ask("events.kind.filter(k => k === kind_numbers.unpin).length"), (of_page_0("unpin"), of_page_0("pin")))
    b.click_on("#hottest tbody tr")
    b.press("End")
    check("what was converted has a history", b.ask("document.querySelectorAll('#history tbody tr').length") > 3)
    b.ask("document.querySelector('#history details').open = true")
    check("and stacks", "vmm + 0x" in text("#history details"), text("#history details"))
    b.click_on("#history tbody tr:last-child" if not b.ask("document.querySelector('#history tbody tr:last-child').classList.contains('stack')") else "#history tbody tr:nth-last-child(2)")
    check("a row of the history goes to its moment", state()["t"] < state()["d"])
    b.press("End")
    if not b.ask("element('older').hidden"):
        rows = b.ask("document.querySelectorAll('#history tbody tr').length")
        b.click_on("#older")
        check("older events", b.ask("document.querySelectorAll('#history tbody tr').length") > rows)

    space = state()["n"]
    b.click_on("#map")
    b.press("f")
    check("the next file", state()["n"] != space and b.ask("element('space').value") == str(state()["n"]))
    b.ask("element('space').value = '0'; element('space').dispatchEvent(new Event('change'))")
    b.settle()
    check("choose a file", state()["n"] == 0)
    b.ask("element('size').selectedIndex = 1; element('size').dispatchEvent(new Event('change'))")
    b.settle()
    theme = lambda: b.ask("document.documentElement.dataset.theme")
    was = theme()
    b.click_on("#theme")
    check("the other theme", theme() != was)
    b.press("t")
    check("and back", theme() == was)
    b.press("?")
    check("help opens", b.ask("element('manual').open"))
    b.press("Escape")
    check("and closes", not b.ask("element('manual').open"))
    b.click_on("#help")
    b.click_on("#manual form button")
    check("help's own button closes it", not b.ask("element('manual').open"))


def names(b):
    """What a screen reader would say of everything that can be used."""
    nameless = [n for n in b.call("Accessibility.getFullAXTree")["nodes"]
                if n.get("role", {}).get("value") in ("button", "slider", "textbox", "combobox", "application", "image", "img", "table", "dialog") and not n.get("ignored") and not n.get("name", {}).get("value")]
    check("everything has a name", not nameless, nameless)


def states_are_right(b):
    """The replay against the simplest possible one, at some moments, of every page."""
    wrong = b.ask("""(() => {
      for (const share of [1, .5, .13, .77, 0]) {
        const time = share * facts.duration;
        replay.seek(time);
        for (let s = 0; s < facts.spaces.length; ++s) {
          const pages = new Uint8Array(facts.spaces[s].pages).fill(facts.spaces[s].initial);
          for (let i = 0; i < events.count; ++i)
            if (events.space[i] === s && events.result[i] >= 0 && ['convert', 'create'].includes(facts.kinds[events.kind[i]].name) && events.time[i] + events.duration[i] <= time)
              pages.fill(events.detail[i], events.first[i], events.first[i] + events.pages[i]);
          let sum = 0;
          for (let p = 0; p < pages.length; ++p) {
            sum += pages[p];
            if (replay.states[s].private_pages(p, 1) !== pages[p]) return `page ${p} of ${s} at ${share}`;
          }
          if (replay.states[s].private_pages(0, pages.length) !== sum) return `sum of ${s} at ${share}`;
        }
      }
      const counted = facts.overTime.privatePages.at(-1);
      replay.seek(facts.duration);
      const shown = replay.states.reduce((sum, s) => sum + s.private_pages(0, s.pages), 0);
      return counted === shown ? '' : `${counted} counted, ${shown} shown`;
    })()""")
    check("the states are what the events say", wrong == "", wrong)


def main():
    gmem, make_trace = sys.argv[1:3]
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not chromium:
        print("There is no chromium: scripts/setup.sh browser installs it")
        return 77
    with tempfile.TemporaryDirectory() as folder, Browser(chromium) as b:
        small = made(folder, "small", gmem, make_trace, events=4000, bytes="0x4000000", files=3)
        b.media(prefers_color_scheme="light")
        b.open(small)
        check("the page draws", b.ask("document.documentElement.dataset.loaded") is not None, b.complaints)
        states_are_right(b)
        names(b)
        controls(b)
        check("what the program was called is text", b.ask("document.querySelectorAll('script').length") == 3 and "<script>" in b.ask("element('title').textContent"))
        b.media(prefers_color_scheme="dark")
        b.open(small)
        check("dark where the system is", b.ask("document.documentElement.dataset.theme") == "dark")
        b.print(os.path.join(folder, "small.pdf"))
        with open(os.path.join(folder, "small.pdf"), "rb") as f:
            check("it prints", f.read(5) == b"%PDF-")
        check("printing leaves the theme", b.ask("document.documentElement.dataset.theme") == "dark")
        b.call("Emulation.setEmulatedMedia", media="print")
        b.settle()
        check("on paper tables end", b.ask("[...document.querySelectorAll('.scroll table')].every(t => [...t.tBodies[0].rows].filter(r => r.offsetHeight).length <= 30)"))
        check("and controls are not there", b.ask("['button', '#slider', '#goto'].every(s => [...document.querySelectorAll(s)].every(e => !e.offsetHeight))"))
        check("but what they chose is", b.ask("['#map', '#activity', '#history', '#hottest', '#failures'].every(s => document.querySelector(s).offsetHeight > 0)"))
        b.call("Emulation.setEmulatedMedia", media="")

        million = made(folder, "million", gmem, make_trace, events=1_000_000, bytes="0x1000000000", files=2)
        b.media(prefers_color_scheme="light")
        seconds = b.open(million)
        check("a million events are there", b.ask("facts.events") >= 1_000_000 and b.ask("document.documentElement.dataset.loaded") is not None)
        print("1 million events: %.1f MB, drawn after %.2f s (of which %s ms of the page's own)" % (os.path.getsize(million) / 1e6, seconds, b.ask("document.documentElement.dataset.loaded")))
        check("the file is not too large", os.path.getsize(million) < 30e6)

        check("nobody complained", not b.complaints, b.complaints)
        other = [r for r in b.requests if not r.startswith(("file:", "about:", "data:"))]
        check("nothing was asked of a network", not other, other)
    print("the page: %s" % ("passed" if failures == 0 else "%d failures" % failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
