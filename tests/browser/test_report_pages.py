"""Reports in headless Chromium: what pointing shows, buttons, keys, zoom, touch, width, contrast, print, and names that want harm."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from sim.report.html.text import show
from tests.made.browser import show_page
from tests.made.reports import KINDS

pytestmark = pytest.mark.xdist_group("browser")
PHONE = 375
_TIPS = """
const figures = [...document.querySelectorAll('figure.chart')];
return figures.flatMap((figure) => {
  const xs = figure.dataset.x.split(',').map(Number), ys = figure.dataset.y?.split(',');
  const box = figure.querySelector('.plot').getBoundingClientRect();
  const rows = figure.querySelector('table.values').tBodies[0].rows;
  const heads = [...figure.querySelectorAll('table.values thead th')].map((each) => each.textContent);
  const shown = (n) => n === undefined || !figure.querySelector(`g[data-series="${n}"]`).hasAttribute('hidden');
  const of = [...figure.querySelectorAll('table.values thead th')].map((each) => each.dataset.of);
  return [0, 1, Math.floor(xs.length / 3), Math.floor(xs.length / 2), xs.length - 1].filter((k) => k < xs.length && !(ys && !ys[k])).map((k) => {
    const at = { clientX: box.left + xs[k] * box.width, clientY: box.top + (ys ? (1 - ys[k]) * box.height : 5), bubbles: true, pointerType: 'mouse' };
    figure.querySelector('.panels').dispatchEvent(new PointerEvent('pointermove', at));
    const tip = figure.querySelector('.tip');
    const said = [tip.querySelector('b').textContent, ...[...tip.querySelectorAll('span')].map((each) => each.textContent)];
    const cells = [...rows[k].cells].map((each) => each.textContent);
    const wanted = [cells[0], ...cells.slice(1).map((text, n) => [heads[n + 1], text, of[n + 1]])
      .filter(([, text, n]) => shown(n) && (n === undefined || text !== '-')).map(([head, text]) => `${head}: ${text}`)];
    return { figure: figure.id, k, visible: !tip.hidden && tip.offsetWidth > 0, said, wanted };
  });
});
"""


@pytest.fixture(params=KINDS)
def page(reports: Path, request: pytest.FixtureRequest) -> Path:
    return reports / str(request.param) / "report.html"


def console(driver: Any) -> list[str]:
    """What the page wrote to the console: errors and refusals of its policy among it."""
    return [str(each["message"]) for each in driver.get_log("browser")]


def figures(driver: Any) -> list[Any]:
    return list(driver.find_elements("css selector", "figure.chart"))


def point(driver: Any, figure: Any, share: float, *, kind: str = "mouseMoved") -> None:
    """Move the mouse of the browser itself over a place of the first plot."""
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", figure)
    script = "const b = arguments[0].querySelector('.plot').getBoundingClientRect(); return [b.left, b.top, b.width, b.height]"
    left, top, width, height = driver.execute_script(script, figure)
    driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": kind, "x": left + share * width, "y": top + height / 2})


def tip(figure: Any) -> list[str]:
    """The lines that are shown beside the cursor; none where it is hidden."""
    found = figure.find_element("css selector", ".tip")
    return str(found.text).split("\n") if found.is_displayed() else []


def test_no_page_writes_to_the_console(driver: Any, page: Path) -> None:
    show_page(driver, page, width=1200)
    assert figures(driver)
    driver.execute_script("for (const b of document.querySelectorAll('button')) { b.click(); b.click(); }")
    assert console(driver) == []


def test_pointing_shows_the_row_of_the_table(driver: Any, page: Path) -> None:
    show_page(driver, page, width=1200)
    found = driver.execute_script(_TIPS)
    assert len({each["figure"] for each in found}) == len(figures(driver))
    for each in found:
        assert each["visible"], each
        # Dots on one spot are one dot: then the nearest may be its twin.
        assert each["said"] == each["wanted"] or each["figure"].startswith(("front", "room", "gpu-hours")), each


def test_pointing_at_a_month_shows_what_the_summary_says(driver: Any, reports: Path) -> None:
    show_page(driver, reports / "run" / "report.html", width=1200)
    months = json.loads((reports / "run" / "summary.json").read_text())["monthly"]
    figure = driver.find_element("id", "months")
    for k, month in enumerate(months):
        point(driver, figure, (k + 0.5) / len(months))
        p5, p50, p95 = (show(month["invoice_usd"][edge], "usd") for edge in ("p5", "p50", "p95"))
        assert tip(figure)[:2] == [month["month"], f"USD a month: Invoice: {p50} ({p5} to {p95})"]
    point(driver, figure, -0.5)
    assert tip(figure) == []


def test_pointing_at_a_curve_shows_what_the_parquet_says(driver: Any, reports: Path) -> None:
    show_page(driver, reports / "replay" / "report.html", width=1200)
    rows = pq.read_table(reports / "replay" / "latency_curves.parquet").to_pylist()
    whole = [each for each in rows if (each["metric"], each["deployment"], each["class"]) == ("ttft", "all", "all")]
    figure = driver.find_element("id", "cdf-ttft")
    xs = [float(text) for text in figure.get_attribute("data-x").split(",")]
    for k in range(0, len(xs), 7):
        point(driver, figure, xs[k])
        assert tip(figure)[:2] == [f"within {show(whole[k]['at_most_s'], 's')}", f"all requests: {show(whole[k]['share'], 'share')}"]


def test_a_button_hides_its_series_everywhere(driver: Any, reports: Path) -> None:
    show_page(driver, reports / "run" / "report.html", width=1200)
    figure = driver.find_element("id", "months")
    button = next(each for each in figure.find_elements("css selector", ".key") if each.text == "TCO")
    drawn = figure.find_elements("css selector", f'g[data-series="{button.get_attribute("data-series")}"]')
    assert len(drawn) == 2
    for pressed in ("false", "true"):
        button.click()
        assert button.get_attribute("aria-pressed") == pressed
        assert {each.is_displayed() for each in drawn} == {pressed == "true"}
        point(driver, figure, 0.5)
        assert any(line.startswith("USD a month: TCO") for line in tip(figure)) == (pressed == "true")


def test_everything_is_reached_by_keys(driver: Any, reports: Path) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    show_page(driver, reports / "run" / "report.html", width=1200)
    figure = driver.find_element("id", "months")
    panels = figure.find_element("css selector", ".panels")
    driver.execute_script("arguments[0].focus()", panels)
    months = [each["month"] for each in json.loads((reports / "run" / "summary.json").read_text())["monthly"]]

    def press(key: str) -> list[str]:
        ActionChains(driver, duration=0).send_keys(key).perform()
        return tip(figure)[:1]

    assert [press(Keys.ARROW_RIGHT), press(Keys.ARROW_RIGHT), press(Keys.ARROW_LEFT)] == [[months[0]], [months[1]], [months[0]]]
    assert [press(Keys.ARROW_LEFT), press(Keys.END), press(Keys.ARROW_RIGHT), press(Keys.HOME)] == [
        [months[0]], [months[-1]], [months[-1]], [months[0]],
    ]  # fmt: skip
    assert press(Keys.ESCAPE) == []
    press(Keys.ARROW_RIGHT)
    assert press(Keys.TAB) == []
    reach = """
        const wanted = [...document.querySelectorAll('button:not([hidden]), .panels, summary, a, .scroll')];
        return wanted.filter((each) => each.tabIndex < 0 || each.disabled).map((each) => each.outerHTML.slice(0, 80))
    """
    assert driver.execute_script(reach) == []


def test_zoom_cuts_the_time_and_gives_it_back(driver: Any, reports: Path) -> None:
    show_page(driver, reports / "replay" / "report.html", width=1200)
    figure = driver.find_element("id", "timeline")
    axis = figure.find_element("css selector", ".x")
    whole, view = axis.text, "return arguments[0].querySelector('svg').getAttribute('viewBox').split(' ').map(Number)"
    by = {each.get_attribute("data-zoom-by"): each for each in figure.find_elements("css selector", "[data-zoom-by]")}
    by["in"].click()
    left, _, width, _ = driver.execute_script(view, figure)
    assert (left, width) == (250, 500) and axis.text != whole
    point(driver, figure, 0.5)
    rows = figure.find_elements("css selector", "tbody th")
    middle = tip(figure)[0]
    assert middle == rows[len(rows) // 2].get_attribute("textContent") or middle in {
        rows[len(rows) // 2 + k].get_attribute("textContent") for k in (-1, 0, 1)
    }
    by["out"].click()
    assert driver.execute_script(view, figure)[2] == 1000
    by["in"].click()
    by["all"].click()
    assert driver.execute_script(view, figure)[:3] == [0, 0, 1000] and axis.text == whole


def test_a_finger_shows_values_that_stay(driver: Any, reports: Path) -> None:
    show_page(driver, reports / "run" / "report.html", width=PHONE)
    figure = driver.find_element("id", "months")
    driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", figure)
        script = "const b = arguments[0].querySelector('.plot').getBoundingClientRect(); return [b.left + b.width / 2, b.top + 20]"
        x, y = driver.execute_script(script, figure)
        driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
        driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        assert len(tip(figure)) > 1
    finally:
        driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})


@pytest.mark.parametrize("width", [320, PHONE, 800, 1200])
def test_no_page_is_wider_than_the_screen(driver: Any, reports: Path, hostile: Path, width: int) -> None:
    for kind in KINDS:
        for folder in (reports, hostile):
            show_page(driver, folder / kind / "report.html", width=width)
            driver.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
            assert driver.execute_script("return document.documentElement.scrollWidth") <= width, (folder.name, kind)
            beyond = """
                const within = (each) => each.closest('.scroll, .plot, pre, .x, .x-marks, .tip');
                return [...document.querySelectorAll('main *, header *, footer *')].filter((each) => !within(each)
                  && each.getBoundingClientRect().right > innerWidth + 1).map((each) => each.outerHTML.slice(0, 100))
            """
            assert driver.execute_script(beyond) == [], (folder.name, kind)


_CONTRAST = """
const color = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return [n[0], n[1], n[2], n.length > 3 ? n[3] : 1]; };
const over = (top, under) => [0, 1, 2].map((k) => top[k] * top[3] + under[k] * (1 - top[3])).concat([1]);
const light = (c) => [0, 1, 2].map((k) => c[k] / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
const ground = (element) => {
  const layers = [];
  for (let e = element; e; e = e.parentElement) {
    const c = color(getComputedStyle(e).backgroundColor);
    if (c[3] > 0) { layers.push(c); if (c[3] === 1) break; }
  }
  return layers.reverse().reduce((under, layer) => over(layer, under), color(getComputedStyle(document.body).backgroundColor));
};
const faded = (element) => { let share = 1; for (let e = element; e; e = e.parentElement) share *= getComputedStyle(e).opacity; return share; };
const dark = [];
for (const d of document.querySelectorAll('details')) d.open = true;
for (const element of document.querySelectorAll('body *')) {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  if (!own || element.closest('script, style, [hidden]') || !element.getClientRects().length) continue;
  const style = getComputedStyle(element), back = ground(element), front = color(style.color);
  const found = ratio(over([front[0], front[1], front[2], front[3] * faded(element)], back), back);
  if (found < 4.5) dark.push(`${element.tagName}.${element.className}: ${found.toFixed(2)} ${element.textContent.slice(0, 30)}`);
}
const marks = [['svg .line', 'stroke'], ['svg .dots', 'stroke'], ['svg .bar', 'fill'], ['svg .band', 'stroke'], ['svg .limit', 'stroke'],
  ['svg .mark', 'stroke'], ['.bars td b', 'backgroundColor'], ['.key i', 'borderTopColor'], ['.cursor', 'borderLeftColor'],
  ['.interval', 'borderTopColor'], ['.warning', 'borderLeftColor']];
for (const [selector, property] of marks) for (const element of document.querySelectorAll(selector)) {
  const style = getComputedStyle(element), back = ground(element.closest('.panels') || element.parentElement), front = color(style[property]);
  const found = ratio(over([front[0], front[1], front[2], front[3] * (style[`${property}Opacity`] ?? 1)], back), back);
  if (found < 3) dark.push(`${selector}.${element.parentElement.getAttribute('class')}: ${found.toFixed(2)}`);
}
return [...new Set(dark)];
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_of_text_and_marks(driver: Any, page: Path, scheme: str) -> None:
    """WCAG 2.2: 4.5 to 1 for text, 3 to 1 for what is drawn, against what lies under it."""
    show_page(driver, page, width=1200, dark=scheme == "dark")
    assert driver.execute_script(_CONTRAST) == []


def test_grey_on_white_is_seen(driver: Any, reports: Path) -> None:
    show_page(driver, reports / "sweep" / "report.html", width=1200)
    driver.execute_script("document.documentElement.style.setProperty('--soft', '#999')")
    assert any(each.startswith("P.note") for each in driver.execute_script(_CONTRAST))
    driver.execute_script("document.documentElement.style.setProperty('--c0', '#8ab')")
    assert any("svg" in each for each in driver.execute_script(_CONTRAST))


def test_the_button_turns_the_scheme_over(driver: Any, reports: Path) -> None:
    show_page(driver, reports / "run" / "report.html", width=1200, dark=True)
    ground = "return getComputedStyle(document.body).backgroundColor"
    before = driver.execute_script(ground)
    driver.find_element("css selector", ".theme").click()
    assert driver.execute_script(ground) == "rgb(255, 255, 255)" != before
    assert driver.execute_script(_CONTRAST) == []


@pytest.fixture
def printed(driver: Any) -> Iterator[Any]:
    """The browser, as if for paper."""
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    yield driver
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_a_printed_page(printed: Any, page: Path) -> None:
    """The answer, tiles and charts are on paper, black on white even from the dark scheme; buttons are not."""
    show_page(printed, page, width=800, dark=True)
    printed.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    shown = "return [...document.querySelectorAll(arguments[0])].filter((each) => each.getClientRects().length).length"
    for selector in (".answer", ".tiles", "svg", "h1"):
        assert printed.execute_script(shown, selector), selector
    for selector in (".theme", ".zoom", "nav"):
        assert not printed.execute_script(shown, selector), selector
    assert printed.execute_script("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    cut = "return [...document.querySelectorAll('.scroll')].filter((each) => each.scrollHeight > each.clientHeight + 2).length"
    printed.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
    assert printed.execute_script(cut) == 0
    paper = base64.b64decode(printed.execute_cdp_cmd("Page.printToPDF", {"printBackground": False})["data"])
    pages = len(re.findall(rb"/Type\s*/Page\b", paper))
    assert paper.startswith(b"%PDF") and 2 <= pages <= 30


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_names_do_nothing(driver: Any, hostile: Path, kind: str) -> None:
    show_page(driver, hostile / kind / "report.html", width=1200)
    hover = "for (const e of document.querySelectorAll('*')) e.dispatchEvent(new MouseEvent('mouseover', {bubbles: true}))"
    driver.execute_script(hover)
    for found in driver.execute_script(_TIPS):
        assert found["visible"]
    driver.execute_script("for (const b of document.querySelectorAll('button, summary')) b.click()")
    assert driver.execute_script("return window.hurt") is None
    assert driver.execute_script("return document.querySelectorAll('img, main script, iframe, main svg[onload]').length") == 0
    assert driver.execute_script("return document.querySelectorAll('script').length") == 1
    assert console(driver) == []
    assert (hostile / kind / "report.html").stat().st_size < 300_000
