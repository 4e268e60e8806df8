// Spark lines: points in, the paths of a small SVG out.

const SVG = 'http://www.w3.org/2000/svg'
const MARGIN_TOP = 4
const MARGIN_BOTTOM = 2
const MARGIN_END = 3
const TIP_RADIUS = 2.5

/**
 * Draws `[[x, y], …]` (x rising) into an empty or drawn `<svg viewBox="0 0 w h">`, from
 * `least` at its foot to `most` at its head; `label` is the finding, for who can't see it.
 */
export function drawSpark(svg, points, {least = 0, most, label}) {
  const {width, height} = svg.viewBox.baseVal
  const [first, last] = [points[0]?.[0], points.at(-1)?.[0]]
  const across = (width - MARGIN_END) / (last - first || 1)
  const up = (height - MARGIN_TOP - MARGIN_BOTTOM) / (most - least || 1)
  const dots = points.map(([x, y]) => [
    round((x - first) * across), round(height - MARGIN_BOTTOM - (Math.min(y, most) - least) * up),
  ])
  const [area, line, tip] = parts(svg)
  const path = dots.length > 1 ? `M${dots.map(dot => dot.join()).join(' ')}` : ''
  line.setAttribute('d', path)
  area.setAttribute('d', path && `${path} V${height} H0 Z`)
  tip.setAttribute('cx', dots.at(-1)?.[0] ?? 0)
  tip.setAttribute('cy', dots.at(-1)?.[1] ?? 0)
  tip.setAttribute('r', path ? TIP_RADIUS : 0)
  svg.setAttribute('aria-label', label)
}

function parts(svg) {
  if (!svg.firstElementChild) {
    for (const [tag, name] of [['path', 'area'], ['path', 'line'], ['circle', 'tip']]) {
      const part = document.createElementNS(SVG, tag)
      part.setAttribute('class', name)
      svg.append(part)
    }
  }
  return svg.children
}

const round = number => Math.round(number * 10) / 10
