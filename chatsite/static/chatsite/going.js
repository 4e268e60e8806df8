// Going to another page, from a script. A page that can show what is there by itself says so.

/** `wanted` is fired with detail `{url}`; who prevents it shows that address without leaving the page. */
export const going = new EventTarget()

export function go(url) {
  const stays = !going.dispatchEvent(new CustomEvent('wanted', {detail: {url}, cancelable: true}))
  if (!stays) location.assign(url)
}
