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

# Clicks on a room in the sidebar; gives the ms until its first message has been painted.
SWITCH = """async room => {
  const link = document.querySelector(`#side .item[data-room="${room}"]`)
  const name = link.querySelector('span:not(.avatar)').textContent
  const shows = () => document.querySelector(`#timeline[aria-label$=" ${name}"] .msg`)
  const began = performance.now()
  link.click()
  while (!shows()) await new Promise(done => setTimeout(done))
  await new Promise(done => requestAnimationFrame(() => setTimeout(done)))
  return performance.now() - began
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
