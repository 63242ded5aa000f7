"""Looks at a site as a reader does: in Chromium, from files, on a phone and on a desk, in light and dark.

usage: check.py SITE [PICTURES]

SITE is the folder that `legwork site` wrote. Every kind of page is opened in each size and scheme. Exit code 1: something
is wrong, and said.
"""

import pathlib
import sys

import browser

SIZES = {"phone": (375, 800), "desktop": (1280, 900)}
SCHEMES = ("light", "dark")

# Text whose contrast with what is behind it is too small (WCAG 2.2, 1.4.3), once each.
CONTRAST = """(() => {
  const parse = text => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const over = (top, under) => {
    const alpha = top.length > 3 ? top[3] : 1;
    return [0, 1, 2].map(part => top[part] * alpha + under[part] * (1 - alpha));
  };
  const light = colour => {
    const [r, g, b] = colour.map(part => part / 255).map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = element => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(parse(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255]);
  };
  const found = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !element.checkVisibility() || /SCRIPT|STYLE|TITLE/i.test(element.tagName)) continue;
    const style = getComputedStyle(element);
    const drawn = element.closest('svg');
    const circle = drawn && element.matches('text.mark') ? element.parentElement.querySelector('rect') : null;
    const back = circle ? parse(getComputedStyle(circle).fill).slice(0, 3) : behind(element);
    const front = over(parse(drawn ? style.fill : style.color), back);
    const [one, other] = [light(front), light(back)].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    if (ratio < 4.5) found.add(`${element.tagName}.${element.getAttribute('class')} ${ratio.toFixed(2)} ${walker.currentNode.textContent.trim().slice(0, 30)}`);
  }
  return [...found];
})()"""

# What a page that is read by ear or by keys needs.
STRUCTURE = """(() => {
  const wrong = [];
  const ids = [...document.querySelectorAll('[id]')].map(element => element.id);
  if (new Set(ids).size !== ids.length) wrong.push('an id stands twice');
  if (!document.documentElement.lang) wrong.push('no language');
  for (const name of ['main', 'header', 'nav', 'h1']) if (document.querySelectorAll('body ' + name).length < 1) wrong.push(`no ${name}`);
  if (document.querySelectorAll('h1').length !== 1) wrong.push('not one h1');
  for (const element of document.querySelectorAll('img:not([alt]), svg:not([aria-label]):not([role=img])')) wrong.push(`no name: ${element.outerHTML.slice(0, 60)}`);
  for (const element of document.querySelectorAll('a, button, input')) {
    const name = element.getAttribute('aria-label') || element.textContent.trim() || element.labels?.length;
    if (!name) wrong.push(`no name: ${element.outerHTML.slice(0, 60)}`);
  }
  if (document.documentElement.scrollWidth > innerWidth + 1) wrong.push(`wider than the window: ${document.documentElement.scrollWidth}`);
  return wrong;
})()"""

# Where the focus is, and whether that shows.
FOCUS = """(() => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const style = getComputedStyle(element);
  const shows = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  const box = element.getBoundingClientRect();
  return {name: element.className + ' ' + element.textContent.trim().slice(0, 30), shows, seen: box.width > 0, kind: element.tagName};
})()"""

# Links of a page to other files, with the part of the page that they lead to.
LINKS = "[...document.querySelectorAll('a[href], link[href], img[src], script[src]')].map(element => new URL(element.getAttribute('href') ?? element.getAttribute('src'), location).href)"


class Check:
    def __init__(self, site, pictures):
        self.site = pathlib.Path(site).resolve()
        self.pictures = pathlib.Path(pictures).resolve() if pictures else None
        self.browser = browser.Browser(browser.find())
        self.wrong = []
        self.count = 0

    def expect(self, good, message):
        self.count += 1
        if not good:
            self.wrong.append(message)
            print(f"wrong: {message}")

    def address(self, page):
        return (self.site / page).as_uri()

    def pages(self):
        """One page of each kind; of those that differ much the largest."""
        chosen = ["index.html", "rules.html", "classes.html", "search.html"]
        for folder in ("subjects", "changes", "rules", "classes", "anomalies", "cases"):
            found = sorted((self.site / folder).rglob("*.html"), key=lambda path: (path.stat().st_size, path))
            if not found:
                self.expect(False, f"there is no page in {folder}")
                continue
            middle = found[len(found) // 2]
            for path in dict.fromkeys([middle, found[-1]]):
                chosen.append(path.relative_to(self.site).as_posix())
        return chosen

    def look(self, page, size, scheme):
        where = f"{page} ({size}, {scheme})"
        self.browser.show(*SIZES[size], scheme)
        for complaint in self.browser.open(self.address(page)):
            self.expect(False, f"{where}: {complaint}")
        for problem in self.browser.evaluate(STRUCTURE) + self.browser.evaluate(CONTRAST):
            self.expect(False, f"{where}: {problem}")
        self.count += 1
        if self.pictures:
            name = page.replace("/", "_").removesuffix(".html")[:60]
            self.browser.picture(self.pictures / f"{name}-{size}-{scheme}.png")

    def links(self, page):
        self.browser.open(self.address(page))
        for link in self.browser.evaluate(LINKS):
            path, _, part = link.partition("#")
            if not path.startswith("file:"):
                self.expect(path.startswith(("https:", "http:", "data:")), f"{page}: a link to {link}")
                continue
            target = pathlib.Path(browser_path(path))
            self.expect(target.is_file() and target.is_relative_to(self.site), f"{page}: a broken link to {link}")
            if part and target == self.site / page:
                self.expect(self.browser.evaluate(f"!!document.getElementById({part!r})"), f"{page}: no part {part}")

    def search(self):
        rule = next(line.split("rules/")[1] for line in (self.site / "contents.txt").read_text().splitlines() if line.startswith("rules/"))
        words = rule.removesuffix(".html").replace(".", "/")
        self.browser.open(self.address("index.html"))
        self.browser.evaluate("document.querySelector('.find input').focus()")
        self.browser.command("Input.insertText", text=words)
        self.browser.events.clear()
        self.browser.key("Enter")
        while not any(event.get("method") == "Page.loadEventFired" for event in self.browser.events):
            self.browser.events.append(self.browser.receive())
        first = self.browser.evaluate("document.querySelector('#results a')?.getAttribute('href')")
        self.expect(first == f"rules/{rule}", f"the search for {words} finds {first} first")
        self.browser.open(self.address("search.html") + "?q=%3Cimg%20src%3Dx%3E")
        self.expect(self.browser.evaluate("document.querySelectorAll('main img').length") == 0, "the search writes markup")
        self.browser.open(self.address("search.html") + "?q=zzzzzz")
        told = self.browser.evaluate("document.getElementById('status').textContent")
        self.expect(told == "0 found", f"the search for nothing says {told!r}")

    def keys(self, page, wanted):
        """Goes through a page by Tab: each place shows that it has the focus, and what is wanted is reached."""
        self.browser.show(*SIZES["desktop"], "light")
        self.browser.open(self.address(page))
        reached = set()
        for step in range(80):
            self.browser.key("Tab")
            at = self.browser.evaluate(FOCUS)
            if at is None:
                break
            if step == 0:
                self.expect("skip" in at["name"], f"{page}: the first place is {at['name']!r}, not the way to the content")
            self.expect(at["shows"] and at["seen"], f"{page}: the focus on {at['name']!r} does not show")
            reached.update(selector for selector in wanted if self.browser.evaluate(f"document.activeElement.matches({selector!r})"))
        self.expect(reached == set(wanted), f"{page}: keys do not reach {sorted(set(wanted) - reached)}")

    def popover(self):
        self.browser.open(self.address("index.html"))
        if not self.browser.evaluate("!!document.querySelector('button.m')"):
            return
        self.browser.evaluate("document.querySelector('button.m').focus()")
        self.browser.key("Enter")
        self.expect(self.browser.evaluate("document.querySelector('.told:popover-open')?.textContent.length > 20"), "a mark of the matrix does not tell what happened")
        for problem in self.browser.evaluate(CONTRAST):
            self.expect(False, f"what a mark tells: {problem}")
        self.browser.key("Escape")
        self.expect(self.browser.evaluate("!document.querySelector('.told:popover-open')"), "what a mark tells does not go away")

    def without_script(self):
        self.browser.allow_scripts(False)
        self.browser.open(self.address("search.html"))
        told = self.browser.evaluate("document.querySelector('noscript p')?.checkVisibility()")
        self.expect(told, "search.html does not say that it needs a script")
        self.browser.allow_scripts(True)
        using = [
            path.name for path in self.site.rglob("*.html")
            if "<script" in path.read_text() and path.name != "search.html" and not path.is_relative_to(self.site / "cases")
        ]
        self.expect(not using, f"scripts on {using[:3]}")

    def bytes(self, case):
        """The field of a byte is told by arrow keys, by a press and without a script."""
        state = "(() => { const at = document.activeElement; return [at.hash, at.closest('.token')?.querySelector('.hint').textContent ?? '', at.tabIndex]; })()"
        self.browser.show(*SIZES["phone"], "light")
        self.browser.open(self.address(case))
        self.browser.evaluate("document.querySelector('.hex a').focus()")
        told = [self.browser.evaluate(state)]
        for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "End", "Home"):
            self.browser.key(key)
            told.append(self.browser.evaluate(state))
        hashes = [place for place, _, _ in told]
        self.expect(len(set(hashes[:3])) == 3 and hashes[3] == hashes[1] and hashes[5] == hashes[0], f"{case}: arrow keys go {hashes}")
        self.expect(all(hint and stop == 0 for _, hint, stop in told), f"{case}: a field is not told, or is no place of the order: {told}")
        self.expect(len({hint for _, hint, _ in told}) == len(set(hashes)), f"{case}: fields are told alike: {told}")
        stops = self.browser.evaluate("[...document.querySelectorAll('.hex')].filter(hex => hex.querySelector('a') && hex.querySelectorAll('a[tabindex=\"0\"]').length !== 1).length")
        self.expect(stops == 0, f"{case}: the bytes of {stops} tokens are not one place of the order")
        described = self.browser.evaluate("[...document.querySelectorAll('.hex a')].every(link => document.getElementById(link.getAttribute('aria-describedby'))?.textContent.trim())")
        self.expect(described, f"{case}: a byte is not described")
        box = self.browser.evaluate("(() => { const last = [...document.querySelectorAll('.hex a')].find(a => a.hash.endsWith('-3')); last.scrollIntoView({block: 'center'}); const box = last.getBoundingClientRect(); return [box.x + 4, box.y + box.height / 2, scrollY, last.hash]; })()")
        self.browser.press(box[0], box[1])
        place, hint, _ = self.browser.evaluate(state)
        seen = self.browser.evaluate("(() => { const box = document.activeElement.closest('.token').querySelector('.hint').getBoundingClientRect(); return box.height > 0 && box.top >= 0 && box.bottom <= innerHeight; })()")
        self.expect(place == box[3] and hint and seen, f"{case}: a press on {box[3]} tells {hint!r} of {place}, seen: {seen}")
        where = self.browser.evaluate("[scrollY, location.hash]")
        self.expect(where == [box[2], ""], f"{case}: a press goes away from the bytes: {where}, not {box[2]}")
        for problem in self.browser.evaluate(CONTRAST):
            self.expect(False, f"a field that is told: {problem}")

    def run(self):
        pages = self.pages()
        for page in pages:
            for size in SIZES:
                for scheme in SCHEMES:
                    self.look(page, size, scheme)
            self.links(page)
        self.search()
        self.popover()
        self.without_script()
        self.keys("index.html", [".top nav a", ".find input", ".card a"])
        case = next((page for page in pages if page.startswith("cases/")), None)
        if case:
            self.keys(case, [".sequence a", ".findings a", ".hex a"])
            self.bytes(case)
        print(f"{len(pages)} pages in {len(SIZES) * len(SCHEMES)} ways, {self.count} checks, {len(self.wrong)} wrong")


def browser_path(address):
    from urllib.parse import unquote, urlparse
    return unquote(urlparse(address).path)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    if not browser.find():
        print("the check needs Chromium (Debian: apt-get install chromium); none of these is there:", ", ".join(browser.NAMES))
        sys.exit(2)
    if len(sys.argv) == 3:
        pathlib.Path(sys.argv[2]).mkdir(parents=True, exist_ok=True)
    check = Check(*sys.argv[1:], *[None] * (3 - len(sys.argv)))
    try:
        check.run()
    finally:
        check.browser.close()
    sys.exit(1 if check.wrong else 0)


if __name__ == "__main__":
    main()
