// The document: finding, cloning templates, and the few pieces that modules build themselves.

const SVG = 'http://www.w3.org/2000/svg'
const TINTS = 6

export const $ = (selector, root = document) => root.querySelector(selector)
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)]

/** A copy of the one element in `<template id>`. */
export function clone(id) {
  return document.importNode(document.getElementById(id).content, true).firstElementChild
}

/** The data of `{{ …|json_script:id }}`, or null where the page has none. */
export function pageData(id) {
  const script = document.getElementById(id)
  return script && JSON.parse(script.textContent)
}

export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg')
  svg.setAttribute('class', 'icon')
  svg.setAttribute('aria-hidden', 'true')
  const use = document.createElementNS(SVG, 'use')
  use.setAttribute('href', `${document.documentElement.dataset.icons}#i-${name}`)
  svg.append(use)
  return svg
}

/** Somebody's picture, or their initials on a tint; the same as the tag `{% avatar %}`. */
export function avatar(person, {size = '', presence = ''} = {}) {
  const span = document.createElement('span')
  span.className = size ? `avatar ${size}` : 'avatar'
  span.dataset.person = person.id
  span.dataset.tint = person.id % TINTS + 1
  if (presence) span.dataset.presence = presence
  span.ariaHidden = 'true'
  if (person.avatar) {
    const image = document.createElement('img')
    image.src = person.avatar
    image.alt = ''
    span.append(image)
  } else {
    span.textContent = initials(person.name)
  }
  return span
}

/** “Alice Moreno” → “AM”. */
export function initials(name) {
  const words = name.trim().split(/\s+/)
  const letters = [words[0], ...words.slice(1).slice(-1)].map(word => [...word][0] ?? '')
  return letters.join('').toUpperCase() || '?'
}

/** A small element in one line: `element('b', {className: 'x', textContent: 'y'})`. */
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties)
  made.append(...children)
  return made
}

/** Listens to clicks on what matches `selector` inside `root`, until `signal` says otherwise. */
export function onClick(root, selector, handler, signal) {
  root.addEventListener('click', event => {
    const target = event.target.closest(selector)
    if (target && root.contains(target)) handler(target, event)
  }, {signal})
}
