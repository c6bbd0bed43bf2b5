"""What a browser makes of the documentation, the report and a notebook: requests, errors, formulas typeset, pictures.

    make docs && python benchmarks/browser.py
    python benchmarks/browser.py --page out/report.html --page claims.html
    python benchmarks/browser.py --notebook notebooks/06_your_own.ipynb --pictures pictures

Needs Debian's chromium and, beside escape-ntk, ``pip install playwright``; a notebook needs the extra notebook. No
browser is downloaded. For each page one line: requests to anywhere but the page's own folder or server, errors on the
console, formulas that are there and those that KaTeX has typeset, at the width of a desk or of a phone, and whether
something is wider than the screen. A notebook is opened in JupyterLab from a copy without its outputs, run from top to
bottom, and its Explorer is turned by keyboard. ``--pictures`` keeps a picture of each page, light, dark and on a
phone. The program exits with 1 when anything is amiss, and with 2 when chromium or playwright is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parent.parent
LOOKS = {"light": (1280, 900), "dark": (1280, 900), "phone": (390, 844)}
COUNT = """() => {
  const all = [...document.querySelectorAll('.math, .tex, .formula')];
  const bare = all.filter((node) => !node.querySelector('.katex-html') || node.querySelector('.katex-error'));
  return {
    formulas: all.length,
    bare: bare.map((node) => node.textContent.trim().slice(0, 80)),
    wide: document.documentElement.scrollWidth - window.innerWidth,
  };
}"""


@dataclass
class Seen:
    """What one page did.

    Attributes:
        outside: addresses asked for that are not its own.
        errors: texts of errors, on the console or uncaught.
    """

    own: str
    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def watch(self, page: Any) -> None:
        """Listen to a page before it loads."""
        page.on(
            "request", lambda r: None if r.url.startswith((self.own, "data:", "blob:")) else self.outside.append(r.url)
        )
        page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: self.errors.append(str(e)))


def look(browser: Any, path: Path, pictures: Path | None) -> bool:
    """Open a page in all three looks and print its line; whether all is well."""
    counts: dict[str, Any] = {}
    seen = Seen(path.parent.as_uri() if path.parent.name else "file://")
    for name, (width, height) in LOOKS.items():
        scheme = "dark" if name == "dark" else "light"
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        seen.watch(page)
        page.goto(path.as_uri(), wait_until="load")
        page.wait_for_timeout(200)
        counts[name] = page.evaluate(COUNT)
        if pictures is not None:
            page.screenshot(path=pictures / f"{path.stem}-{name}.png")
        page.close()
    bare = counts["light"]["bare"]
    wide = {name: found["wide"] for name, found in counts.items() if found["wide"] > 0}
    total = counts["light"]["formulas"]
    line = f"{path.name:28} requests outside {len(seen.outside)}, errors {len(seen.errors)}, "
    print(f"{line}formulas {total}, typeset {total - len(bare)}{f', wider than the screen {wide}' if wide else ''}")
    for text in [*seen.outside, *seen.errors, *bare][:10]:
        print(f"    {text}")
    return not (seen.outside or seen.errors or bare or wide)


def behaves(browser: Any, report: Path) -> bool:
    """Use the report's graph, search, filter and sorting by keyboard and mouse; whether each does what it says."""
    page = browser.new_page()
    page.goto(report.as_uri())
    rows = page.locator("#summary tbody tr:visible")
    everything = rows.count()
    first = page.locator("svg.graph a.node").first
    target = str(first.get_attribute("href"))
    first.focus()
    page.keyboard.press("Enter")
    graph = page.evaluate("location.hash") == target
    page.fill("#search", str(target).removeprefix("#") + " ")
    search = 0 < rows.count() < everything or everything == 1
    page.fill("#search", "nothing has this text")
    search = search and rows.count() == 0
    page.fill("#search", "")
    page.select_option("#only", index=1)
    chosen = page.locator("#only").input_value()
    filtered = all(row.get_attribute("data-verdict") == chosen for row in rows.all()) and rows.count() > 0
    page.select_option("#only", index=0)
    page.locator("#summary th button").nth(2).click()
    grades = [row.locator("td").nth(2).inner_text() for row in rows.all()]
    done = {"graph": graph, "search": search, "filter": filtered, "sorting": grades == sorted(grades)}
    page.close()
    print(f"{report.name:28} " + ", ".join(f"{name} {'works' if well else 'BROKEN'}" for name, well in done.items()))
    return all(done.values())


@contextmanager
def lab(folder: Path) -> Iterator[str]:
    """JupyterLab on a free port of this machine, without a token; its address."""
    port = 8890 + os.getpid() % 1000
    settings = ["--no-browser", f"--port={port}", "--IdentityProvider.token=", f"--ServerApp.root_dir={folder}"]
    quiet = ["--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    root = ["--allow-root"] if os.geteuid() == 0 else []
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    environment = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "JUPYTERLAB_SETTINGS_DIR": str(folder)}
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *settings, *quiet, *root],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://localhost:{port}"
    try:
        for _ in range(120):
            try:
                with urlopen(f"{address}/api", timeout=2):  # noqa: S310 (this machine's own server)
                    break
            except OSError:
                time.sleep(0.5)
        yield address
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def idle(page: Any) -> bool:
    """Whether the notebook's kernel is there and waits; a dialogue that asks for one is answered."""
    ask = page.locator(".jp-Dialog .jp-mod-accept")
    if ask.count():
        ask.first.click()
    return "| Idle" in " ".join(page.locator("#jp-main-statusbar").all_inner_texts())


def finished(page: Any, cells: int) -> bool:
    """Whether the last of the notebook's cells has run and none waits; cells out of sight are not in the page."""
    prompts = page.locator(".jp-CodeCell .jp-InputPrompt").all_inner_texts()
    return any(f"[{cells}]" in prompt for prompt in prompts) and not any("*" in prompt for prompt in prompts)


def wait_until(page: Any, done: Callable[[], bool], patience: float) -> None:
    """Look every second until something is so, or the patience is at its end."""
    end = time.monotonic() + patience
    while time.monotonic() < end and not done():
        page.wait_for_timeout(1000)


def runs(browser: Any, notebook: Path, pictures: Path | None, patience: float) -> bool:
    """Run a notebook in JupyterLab and turn its Explorer; whether nothing failed."""
    with tempfile.TemporaryDirectory() as place, lab(Path(place)) as address:
        content = json.loads(notebook.read_text(encoding="utf-8"))
        for cell in content["cells"]:
            if cell["cell_type"] == "code":
                cell |= {"outputs": [], "execution_count": None}
        cells = sum(cell["cell_type"] == "code" for cell in content["cells"])
        (Path(place) / notebook.name).write_text(json.dumps(content), encoding="utf-8")
        seen = Seen(address)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        seen.watch(page)
        page.goto(f"{address}/lab/tree/{notebook.name}?reset", wait_until="load")
        page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=patience * 1000)
        wait_until(page, lambda: idle(page), patience)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()
        wait_until(page, lambda: idle(page) and finished(page, cells), patience)
        done = finished(page, cells)
        prompts = page.locator(".jp-CodeCell .jp-InputPrompt").all_inner_texts()
        failed = page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr']").count()
        panels = page.locator(".jp-OutputArea-output .widget-image")
        turned = "Explorer" not in notebook.read_text(encoding="utf-8")
        if panels.count():
            panels.first.scroll_into_view_if_needed()
            before = panels.first.get_attribute("src")
            handle = page.locator(".jp-OutputArea-output .widget-slider .noUi-handle").last
            handle.focus()
            page.keyboard.press("ArrowRight")
            page.wait_for_timeout(3000)
            turned = panels.first.get_attribute("src") != before
        if pictures is not None:
            page.screenshot(path=pictures / f"{notebook.stem}.png")
        page.close()
    print(
        f"{notebook.name:28} requests outside {len(seen.outside)}, errors {len(seen.errors)}, "
        f"{'run to its end' if done else 'NOT run to its end'}, cells that failed {failed}, "
        f"Explorer {'follows the keyboard' if turned else 'DOES NOT follow the keyboard'}"
    )
    for text in [*([] if done else [f"cells: {' '.join(prompts)}"]), *seen.outside, *seen.errors][:10]:
        print(f"    {text}")
    return not (failed or seen.outside or seen.errors) and turned and done


def main() -> None:
    """Look at what is asked for: all pages of the documentation when nothing is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--page", action="append", type=Path, default=[], help="an HTML file; several times if you like"
    )
    parser.add_argument("--notebook", type=Path, help="an .ipynb to run in JupyterLab")
    parser.add_argument("--pictures", type=Path, help="folder for pictures")
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("chromium-browser"))
    parser.add_argument("--patience", type=float, default=240.0, help="seconds for a notebook")
    options = parser.parse_args()
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        sys.stderr.write("playwright is missing: pip install playwright\n")
        sys.exit(2)
    if options.chromium is None:
        sys.stderr.write("chromium is missing: apt-get install chromium\n")
        sys.exit(2)
    pages = options.page or ([] if options.notebook else sorted((ROOT / "docs/_build/html").glob("*.html")))
    if options.pictures is not None:
        options.pictures.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=options.chromium, args=["--no-sandbox", "--disable-gpu"])
        well = [look(browser, page.resolve(), options.pictures) for page in pages]
        well += [behaves(browser, page.resolve()) for page in pages if page.name == "report.html"]
        if options.notebook is not None:
            well.append(runs(browser, options.notebook, options.pictures, options.patience))
        browser.close()
    sys.exit(0 if well and all(well) else 1)


if __name__ == "__main__":
    main()
