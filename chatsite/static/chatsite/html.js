// The only place where text becomes markup: HTML that the server has sanitised.
// The content policy allows one Trusted Types policy, `app`, so nothing else can do it.

const policy = globalThis.trustedTypes?.createPolicy('app', {createHTML: html => html})

/** Fills an element with HTML from the server. Never give it anything else. */
export function setServerHtml(element, html) {
  element.innerHTML = policy ? policy.createHTML(html) : html
}
