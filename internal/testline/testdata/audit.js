() => {
  const wrong = [], say = (text, e) => wrong.push(text + (e ? ': ' + e.outerHTML.slice(0, 120) : ''))
  const all = (selector) => [...document.querySelectorAll(selector)]
  const shown = (e) => e.getClientRects().length > 0
  const labelled = (e) => (e.getAttribute('aria-labelledby') || '').split(' ').map(id => document.getElementById(id)?.textContent || '').join(' ')
  const name = (e) => (e.getAttribute('aria-label') || labelled(e) || e.textContent || '').trim()

  // The page and its landmarks.
  if (document.documentElement.lang !== 'en') say('the page does not say its language')
  if (document.title.trim().length < 5) say('the page has no title')
  for (const [selector, n] of [['main', 1], ['h1', 1], ['body > header', 1], ['body > footer', 1]])
    if (all(selector).length !== n) say(`there are ${all(selector).length} of ${selector}`)
  const navs = all('nav').map(name_ => name_.getAttribute('aria-label'))
  if (navs.some(n => !n) || new Set(navs).size !== navs.length) say('navigations are not told apart: ' + navs)
  const skip = all('a')[0]
  if (!skip || skip.getAttribute('href') !== '#main' || !document.getElementById('main')) say('the first link does not skip to the content')

  // Headings go down one by one.
  let level = 0
  for (const h of all('h1, h2, h3, h4, h5, h6')) {
    const now = Number(h.tagName[1])
    if (now > level + 1) say('a heading skips a level', h)
    if (!name(h)) say('a heading is empty', h)
    level = now
  }

  // Names of what can be used, read or looked at.
  for (const e of all('a[href], button')) if (!name(e)) say('nothing names this', e)
  for (const e of all('input:not([type=hidden]), select, textarea')) if (!e.labels?.length && !e.getAttribute('aria-label')) say('no label', e)
  for (const e of all('svg, img')) if (e.getAttribute('role') !== 'img' || !name(e)) say('a picture without words', e)
  for (const e of all('[role=region], section')) if (!e.getAttribute('aria-label') && !labelled(e).trim()) say('a region without a name', e)
  for (const t of all('table')) {
    if (![...t.querySelectorAll('thead th')].every(h => h.scope === 'col')) say('a column head without scope', t)
    if (![...t.querySelectorAll('tbody th')].every(h => h.scope === 'row')) say('a row head without scope', t)
    if (t.closest('[role=region]')?.getAttribute('tabindex') !== '0') say('a table that the keyboard cannot scroll', t)
  }
  const ids = all('[id]').map(e => e.id)
  for (const id of new Set(ids)) if (ids.filter(i => i === id).length > 1) say('an id is there twice: ' + id)
  for (const e of all('[aria-labelledby]')) for (const id of e.getAttribute('aria-labelledby').split(' ')) if (!document.getElementById(id)) say('it is named by nothing', e)
  for (const a of all('a[href^="#"]')) if (!document.getElementById(a.getAttribute('href').slice(1))) say('a link to nothing', a)
  for (const e of all('time')) if (isNaN(Date.parse(e.dateTime))) say('a time that is none', e)

  // What would run or come from elsewhere.
  for (const e of all('script, iframe, object, embed, [style], img[src^=http], link[href^=http]')) say('not allowed here', e)
  for (const e of all('*')) for (const a of e.attributes) if (a.name.startsWith('on')) say('a handler', e)

  // The page fits the window; only tables and plots may be scrolled.
  if (document.documentElement.scrollWidth > window.innerWidth) {
    const wide = all('body *').filter(e => shown(e) && e.getBoundingClientRect().right > window.innerWidth + 1 && !e.closest('.scroll, figure'))
    say(`the page is ${document.documentElement.scrollWidth} wide in a window of ${window.innerWidth}`, wide[0])
  }

  // Contrast of texts (WCAG 2.2, 1.4.3): 4.5, or 3 for large ones.
  const colour = (text) => {
    const n = (text.match(/-?[\d.]+/g) || []).map(Number)
    return text.startsWith('color(') ? [255 * n[0], 255 * n[1], 255 * n[2], n[3] ?? 1] : [n[0], n[1], n[2], n[3] ?? 1]
  }
  const light = ([r, g, b]) => {
    const f = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4
    return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b)
  }
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const c = colour(getComputedStyle(e).backgroundColor)
      if (c[3] === 1) return c
    }
    return [255, 255, 255, 1]
  }
  const told = new Set()
  for (const e of all('body *')) {
    if (e.closest('svg, .hidden') || !shown(e) || ![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue
    const style = getComputedStyle(e), a = light(colour(style.color)), b = light(ground(e))
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), size = parseFloat(style.fontSize)
    const large = size >= 24 || size >= 18.66 && Number(style.fontWeight) >= 700
    const key = style.color + ground(e)
    if (ratio < (large ? 3 : 4.5) && !told.has(key)) {
      told.add(key)
      say(`contrast ${ratio.toFixed(2)}`, e)
    }
  }
  return wrong
}
