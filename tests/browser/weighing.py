"""What a page brings over the wire, and how long it takes to show something, as a browser sees it."""

from collections import Counter
from typing import Any, NamedTuple

from playwright.sync_api import BrowserContext, Page

IDLE_MS = 1500  # nothing more comes by itself after so long

# Promises when the first message stood on the screen, in ms since the navigation began: the browser tells it of
# what is marked before it is painted.
NOTE_FIRST_MESSAGE = """window.firstMessageAt = new Promise(done => {
  new PerformanceObserver(list => done(list.getEntries()[0].renderTime)).observe({type: 'element'})
})
new MutationObserver(() => {
  for (const text of document.querySelectorAll('#timeline .msg p:not([elementtiming])')) {
    text.setAttribute('elementtiming', 'message')
  }
}).observe(document, {childList: true, subtree: true})"""

PRESSED_MS = 80  # how long a mouse's button is down in a click, about

# From the next click on a room's link until its first message has been painted, in ms.
NOTE_SWITCH = """link => {
  const name = link.querySelector('span:not(.avatar)').textContent
  const shows = () => document.querySelector(`#timeline[aria-label$=" ${name}"] .msg`)
  window.switched = new Promise(done => link.addEventListener('click', async () => {
    const began = performance.now()
    while (!shows()) await new Promise(next => setTimeout(next))
    await new Promise(next => requestAnimationFrame(() => setTimeout(next)))
    done(performance.now() - began)
  }, {once: true}))
}"""


class Load(NamedTuple):
    """One page's first view: bytes on the wire by kind (headers included), where all scripts came from, which of
    them the page's head names, and when the first message was painted.
    """

    sizes: Counter[str]
    requests: int
    scripts: list[str]
    named: list[str]
    first_message_ms: float

    @property
    def total(self) -> int:
        return sum(self.sizes.values())


def load(context: BrowserContext, path: str) -> Load:
    """Opens a room in a context that has nothing cached, and waits until nothing more comes."""
    context.add_init_script(NOTE_FIRST_MESSAGE)
    page = context.new_page()
    kinds, addresses, lengths = watch(context, page)
    page.goto(path)
    first = page.evaluate("window.firstMessageAt")
    page.wait_for_timeout(IDLE_MS)
    sizes: Counter[str] = Counter()
    for request, length in lengths.items():
        sizes[kinds.get(request, "Other")] += int(length)
    scripts = [address for request, address in addresses.items() if kinds[request] == "Script"]
    named = page.locator("head :is(link[rel=modulepreload], script[src])")
    addresses_named = named.evaluate_all("elements => elements.map(element => element.href ?? element.src)")
    return Load(sizes, len(lengths), scripts, addresses_named, first)


def switch(page: Page, room: int) -> float:
    """Clicks on a room in the sidebar; gives the ms from the click until its first message has been painted."""
    link = page.locator(f"#side .item[data-room='{room}']")
    link.evaluate(NOTE_SWITCH)
    link.click(delay=PRESSED_MS)
    return float(page.evaluate("window.switched"))


def watch(context: BrowserContext, page: Page) -> tuple[dict[str, str], dict[str, str], dict[str, float]]:
    """Kind, address and length of each request, as they come."""
    kinds: dict[str, str] = {}
    addresses: dict[str, str] = {}
    lengths: dict[str, float] = {}

    def sent(event: dict[str, Any]) -> None:
        kinds[event["requestId"]] = event["type"]
        addresses[event["requestId"]] = event["request"]["url"]

    def finished(event: dict[str, Any]) -> None:
        lengths[event["requestId"]] = event["encodedDataLength"]

    devtools = context.new_cdp_session(page)
    devtools.on("Network.requestWillBeSent", sent)
    devtools.on("Network.loadingFinished", finished)
    devtools.send("Network.enable")
    return kinds, addresses, lengths
