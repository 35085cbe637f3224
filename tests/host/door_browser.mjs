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
  const context = await browser.newContext({ viewport: { width: 900, height: 620 }, ignoreHTTPSErrors: true, ...options })
  const trouble = []
  context.setDefaultTimeout(LONG_MS)
  const documents = new Set()
  context.on('request', (request) => {
    if (request.isNavigationRequest()) documents.add(request.url())
    if (!request.url().startsWith(`${DOOR}/`)) trouble.push(`asked ${request.url()}`)
  })
  context.on('weberror', (error) => trouble.push(`script: ${error.error()}`))
  context.on('console', (message) => {
    // That a document came with 403 or 503 is what the page is about.
    if (documents.has(message.location().url) && /status of (403|503)/.test(message.text())) return
    if (['error', 'warning'].includes(message.type())) trouble.push(`console: ${message.text()} (${message.location().url})`)
  })
  const page = await context.newPage()
  await page.goto(`${DOOR}/sign-in/${name}`)
  people.push({ name, page, trouble })
  return { context, page }
}

const where = (page) => page.url().startsWith(`${DOOR}/`) ? page.url().slice(DOOR.length) : page.url()
const title = (page, text) => page.waitForFunction((t) => document.title.startsWith(t), text, { polling: 50 })
const arrived = (page) => title(page, 't3 ')
const session = (page) => page.evaluate(async () => (await (await fetch('/api/auth/session')).json()).authenticated)
const open = async (page, path) => {
  const response = await page.goto(DOOR + path)
  const hops = []
  for (let r = response.request(); r; r = r.redirectedFrom()) hops.unshift((await r.response()).status())
  return hops.join(' ')
}
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const steps = async (page) => (await page.getByRole('listitem').allInnerTexts()).join(' | ')
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
    say('steps', await steps(page))
    await ask('let_in')
    await arrived(page)
    say('said', [...said].join(' | '))
    say('arrived', where(page))
    say('session', await session(page))
  },

  // In, and again; with a session that their server forgot; and after it was stopped.
  async back (name) {
    const { page } = await person(name)
    say('first', await open(page, '/one?x=1'))
    say('first session', await session(page))
    say('again', `${await open(page, '/two?x=2')} ${where(page)}`)
    await ask('forget')
    say('forgotten session', await session(page))
    say('forgotten', `${await open(page, '/three/deep?q=a%20b&c=d')} ${where(page)}`)
    say('new session', await session(page))
    await ask('stop')
    say('stopped', await open(page, '/four/deep?q=1'))
    say('stopped title', await page.title())
    await ask('let_in')
    await arrived(page)
    say('started', where(page))
    say('started session', await session(page))
  },

  // A step fails: what is read, and how somebody without a mouse goes on.
  async failing (name, path, picture) {
    const { page } = await person(name)
    say('status', await open(page, path))
    await title(page, 'Your workspace could not be started')
    say('heading', await page.getByRole('heading', { level: 1 }).innerText())
    say('text', await text(page))
    say('steps', await steps(page))
    await judge(page, picture)
    await page.keyboard.press('Tab')
    say('focus', await page.evaluate(() => document.activeElement.textContent))
    say('focus is seen', await page.evaluate(() => {
      const style = getComputedStyle(document.activeElement)
      return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2
    }))
    await shot(page, `${picture}-focus`)
    await ask('mend')
    await page.keyboard.press('Enter')
    await title(page, 'Your workspace is starting')
    say('tried again', where(page))
    await ask('let_in')
    await arrived(page)
    say('arrived', where(page))
    say('session', await session(page))
  },

  // Scripts are off: the page is loaded again by itself.
  async scriptless (name, path) {
    const { page } = await person(name, { javaScriptEnabled: false })
    say('status', await open(page, path))
    const end = Date.now() + LONG_MS
    const until = async (look) => {
      while (!await look().catch(() => false)) {
        if (Date.now() > end) throw new Error('it does not move on')
        await sleep(100)
      }
    }
    await until(async () => await page.getByRole('listitem').count() > 0)
    say('steps', await steps(page))
    say('text', await text(page))
    await ask('let_in')
    await until(async () => (await page.title()).startsWith('t3 '))
    say('arrived', where(page))
    say('session', (await page.context().cookies()).some((c) => c.name.startsWith('t3_session')))
  },

  // Two people at once, each in a profile of their own.
  async two (...names) {
    const all = await Promise.all(names.map((name) => person(name)))
    await Promise.all(all.map(({ page }) => open(page, '/')))
    for (const [i, { page }] of all.entries()) {
      say(`${names[i]} session`, await session(page))
      say(`${names[i]} is in`, await page.evaluate(async () =>
        (await (await fetch('/.well-known/t3/environment')).json()).environmentId))
      say(`${names[i]} hears`, await page.evaluate((words) => new Promise((resolve) => {
        const socket = new WebSocket(`wss://${location.host}/ws`)
        socket.onopen = () => socket.send(words)
        socket.onmessage = (message) => resolve(message.data)
        socket.onclose = () => resolve('closed')
      }), `words of ${names[i]}`))
    }
  },

  async tabs (name, n) {
    const { context } = await person(name)
    const tabs = await Promise.all(Array.from({ length: Number(n) }, () => context.newPage()))
    const opened = tabs.map((tab, i) => open(tab, `/tab/${i}`))
    await ask('go_on')
    await Promise.all(opened)
    say('arrived', tabs.filter((tab, i) => where(tab) === `/tab/${i}`).length)
    say('sessions', (await Promise.all(tabs.map(session))).filter(Boolean).length)
  },

  // The web terminal: what is typed at the page runs as them.
  async terminal (name) {
    const { page } = await person(name)
    say('status', await open(page, '/terminal'))
    say('title', await page.title())
    await page.locator('.xterm').waitFor()
    await page.locator('.xterm').click()
    await page.keyboard.type('echo "it is $(id -un), $((6 * 7))"\n')
    const heard = await page.waitForFunction(() => {
      const buffer = window.term?.buffer.active
      const lines = Array.from({ length: buffer?.length ?? 0 }, (_, i) => buffer.getLine(i).translateToString(true))
      return lines.find((line) => line.startsWith('it is '))
    })
    say('said', await heard.jsonValue())
    say('arrived', where(page))
  },

  // The status page of an administrator.
  async status (name, picture) {
    const { page } = await person(name, { viewport: { width: 900, height: 540 } })
    say('status', await open(page, '/devvm'))
    say('arrived', where(page))
    say('title', await page.title())
    say('text', await text(page))
    await judge(page, picture)
    const reached = []
    for (let i = 0; i < 12 && !reached.at(-1)?.startsWith('open-'); i++) {
      await page.keyboard.press('Tab')
      reached.push(await page.evaluate(() => document.activeElement.id))
    }
    say('keyboard', reached.join(' '))
    await page.keyboard.press('Enter')
    const state = () => page.evaluate(() =>
      `${document.activeElement.id} ${document.querySelectorAll('details[open]').length}`)
    say('opened', await state())
    await shot(page, `${picture}-open`)
    const before = await page.locator('header time').getAttribute('datetime')
    await page.waitForFunction((t) => document.querySelector('header time').dateTime !== t, before)
    say('after it followed', await state())
    say('as JSON', await page.evaluate(async () => (await (await fetch('status.json')).json()).people.length))
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
