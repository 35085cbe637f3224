#!/usr/bin/env node
// door_browser.mjs - a person at their browser: Debian's chromium, driven over its protocol by playwright.
//
//     door_browser.mjs DOOR SCENARIO [ARGUMENT...]
//
// DOOR is the address that people have; the sign-in before it sets a cookie at /sign-in/NAME, so the
// browser sends nothing that a person's would not. A scenario prints a line per observation, "NAME: VALUE",
// for the case to compare. Where the machine has to change under an open page it prints "ask: WHAT" and
// goes on when a line comes back on stdin. DOOR_SHOTS is a folder for pictures, AXE the file of axe-core.
import { createRequire } from 'node:module'
import fs from 'node:fs'
import readline from 'node:readline'

const { chromium } = createRequire(import.meta.url)(process.env.PLAYWRIGHT_CORE)
const [DOOR, scenario, ...words] = process.argv.slice(2)
const LONG_MS = 90000

const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const say = (name, value) => console.log(`${name}: ${String(value).replace(/\s+/g, ' ').trim()}`)
const ask = async (what) => {
  console.log(`ask: ${what}`)
  await lines.next()
}

// ---- a person ------------------------------------------------------------------------------
let browser
const people = []

// Each has a profile of their own; what their pages complain of, or ask elsewhere, is kept.
async function person (name, options = {}) {
  const context = await browser.newContext({ viewport: { width: 900, height: 620 }, ...options })
  const trouble = []
  context.setDefaultTimeout(LONG_MS)
  context.on('request', (request) => {
    if (!request.url().startsWith(`${DOOR}/`)) trouble.push(`asked ${request.url()}`)
  })
  context.on('weberror', (error) => trouble.push(`script: ${error.error()}`))
  context.on('console', (message) => {
    // That a document came with 403 or 503 is what the page is about.
    if (message.location().url === message.page()?.url() && /status of (403|503)/.test(message.text())) return
    if (['error', 'warning'].includes(message.type())) trouble.push(`console: ${message.text()}`)
  })
  const page = await context.newPage()
  await page.goto(`${DOOR}/sign-in/${name}`)
  people.push({ name, page, trouble })
  return { context, page }
}

const where = (page) => page.url().slice(DOOR.length)
const title = (page, text) => page.waitForFunction((t) => document.title.startsWith(t), text, { polling: 50 })
const arrived = (page) => title(page, 't3 ')
const session = (page) => page.evaluate(async () => (await (await fetch('/api/auth/session')).json()).authenticated)
const text = (page) => page.locator('body').innerText()

// ---- what any page of the door must be -------------------------------------------------------

// The least contrast of a text to what is behind it, in tenths, and whether the page is dark.
const colours = (page) => page.evaluate(() => {
  const rgb = (colour) => colour.match(/[\d.]+/g).map(Number)
  const light = (colour) => rgb(colour).slice(0, 3).map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0)
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor
      if (rgb(colour)[3] !== 0) return light(colour)
    }
    return 1
  }
  let least = 21
  for (const element of document.body.querySelectorAll('*:not(script)')) {
    if (![...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue
    const [low, high] = [light(getComputedStyle(element).color), behind(element)].sort((a, b) => a - b)
    least = Math.min(least, (high + 0.05) / (low + 0.05))
  }
  return { least: Math.floor(least * 10), isDark: behind(document.body) < 0.1 }
})

async function axe (page) {
  await page.evaluate(fs.readFileSync(process.env.AXE, 'utf8'))
  const { violations } = await page.evaluate(() => window.axe.run())
  return violations.map((v) => `${v.id} (${v.nodes.map((n) => n.html).join(' ')})`).join(', ') || 'nothing'
}

const animations = (page) => page.evaluate(() => document.getAnimations().length)

async function judge (page, name) {
  for (const scheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: scheme })
    const { least, isDark } = await colours(page)
    say(`${scheme} is`, isDark ? 'dark' : 'light')
    say(`${scheme} contrast`, least)
    say(`${scheme} axe`, await axe(page))
    await shot(page, `${name}-${scheme}`)
  }
  await page.emulateMedia({ colorScheme: 'light' })
  const size = page.viewportSize()
  await page.setViewportSize({ width: 320, height: 640 })
  say('wider than a phone', await page.evaluate(() =>
    document.documentElement.scrollWidth > document.documentElement.clientWidth))
  await shot(page, `${name}-phone`)
  await page.setViewportSize(size)
  say('language', await page.getAttribute('html', 'lang'))
  say('headings', await page.getByRole('heading', { level: 1 }).count())
  say('landmarks', await page.getByRole('main').count())
}

async function shot (page, name) {
  if (!process.env.DOOR_SHOTS) return
  await page.screenshot({ path: `${process.env.DOOR_SHOTS}/${name}.png`, animations: 'disabled' })
}

// ---- scenarios -------------------------------------------------------------------------------
const scenarios = {
  // Somebody whom the door turns away, and what they read.
  async refused (name, path, picture) {
    const { page } = await person(name)
    say('status', (await page.goto(DOOR + path)).status())
    say('title', await page.title())
    say('heading', await page.getByRole('heading', { level: 1 }).innerText())
    say('text', await text(page))
    await judge(page, picture)
  },

  // From what does not run to their workspace, and what is to be seen on the way. The machine is asked
  // to let them in once the page has been looked at.
  async waiting (name, path, picture) {
    const { page } = await person(name)
    const said = new Set()
    await page.exposeFunction('heard', (words) => said.add(words))
    await page.addInitScript(() => addEventListener('DOMContentLoaded', () => {
      const region = document.querySelector('[role=status]')
      if (!region) return
      new MutationObserver(() => window.heard(region.textContent)).observe(region, { childList: true })
    }))
    say('status', (await page.goto(DOOR + path)).status())
    say('title', await page.title())
    say('heading', await page.getByRole('heading', { level: 1 }).innerText())
    say('text', await text(page))
    await page.getByRole('listitem').nth(1).waitFor()
    say('moves', await animations(page))
    await page.emulateMedia({ reducedMotion: 'reduce' })
    say('moves when asked not to', await animations(page))
    await page.emulateMedia({ reducedMotion: null })
    await judge(page, picture)
    say('steps', (await page.getByRole('listitem').allInnerTexts()).join(' | '))
    await ask('let_in')
    await arrived(page)
    say('said', [...said].join(' | '))
    say('arrived', where(page))
    say('session', await session(page))
  }
}

// ---- main ------------------------------------------------------------------------------------
browser = await chromium.launch({ executablePath: '/usr/bin/chromium', chromiumSandbox: true })
try {
  await scenarios[scenario](...words)
} catch (error) {
  say('failed', error.stack)
  for (const { name, page } of people) say(`${name} is at`, `${page.url()} ${await text(page).catch(() => '')}`)
  process.exitCode = 1
}
say('trouble', people.flatMap((p) => p.trouble).join(' | ') || 'none')
await browser.close()
process.exit()
