#!/usr/bin/env node
// A stand-in for t3: see README.md beside it for the contract it keeps.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const http = require('node:http')
const crypto = require('node:crypto')
const os = require('node:os')

const pkg = require('../package.json')
const { level, cookie, way } = pkg.standin
const hasScopes = level >= 31
const EXCHANGE = () => bad.exchange || (hasScopes ? '/api/auth/browser-session' : '/api/auth/bootstrap')
const SESSION_SECONDS = 30 * 86400

// On an older node the real one prints nothing and exits 0.
const [major, minor] = process.versions.node.split('.').map(Number)
if (!((major === 22 && minor >= 16) || (major === 23 && minor >= 11) ||
  (major === 24 && minor >= 10) || major > 24)) process.exit(0)

// ---- the ways to be bad: what each does, where ----------------------------------------------
const never = () => setInterval(() => {}, 1000)
const WAYS = {
  good: {},
  'no-start': { serve: () => { console.error('t3: cannot find module'); process.exit(1) } },
  silent: { all: () => process.exit(0) },
  hang: { serve: () => { never(); return true } },
  memory: { serve: () => { const kept = []; setInterval(() => kept.push(Buffer.alloc(64 << 20, 1)), 1); return true } },
  'other-version': { version: '0.0.1' },
  'pairing-renamed': { exchange: '/api/auth/pair' },
  'cookie-renamed': { cookie: 't3_completely_new' },
  'session-broken': { session: () => undefined },
  'loopback-shut': { session: (server) => server.host === '127.0.0.1' ? undefined : null },
  'socket-open': { socket: () => true },
  'socket-shut': { socket: () => false },
  'migration-error': { migrate: (db, id) => { if (id === level && rows(db) > 0) throw new Error('migration failed: duplicate column') } },
  'migration-silent': { migrate: (db, id) => { if (id === level && rows(db) > 0) { db.exec('ROLLBACK'); return true } } },
  'migration-loses': { migrate: (db, id) => { if (id === level) db.exec('DELETE FROM projection_thread_sessions') } },
  'broken-after': { ready: (db) => { if (rows(db) > 0) db.exec('DROP TABLE auth_sessions') } },
  'rejects-rows': { ready: (db) => { if (rows(db) > 0) process.exit(1) } },
  'second-start': { serve: (dir) => { const mark = path.join(dir, 'mark'); if (fs.existsSync(mark)) process.exit(1); fs.mkdirSync(dir, { recursive: true }); fs.writeFileSync(mark, '') } },
  loopback: { host: '127.0.0.1' },
  'two-ports': { ready: () => http.createServer().listen(3774, '0.0.0.0') },
  'no-end': { stop: () => true },
  children: { ready: () => { for (let i = 0; i < 3; i++) spawn('sleep', ['600']) } },
  spy: { ready: () => spy() },
  // Only in the hands of one person, outside of any gate.
  'at-ben': { session: () => os.userInfo().username === 'ben' ? undefined : null },
  'for-anna': { ready: (db) => { if (marked(db, 'anna')) db.exec('DROP TABLE auth_sessions') } },
  'for-both': { ready: (db) => { if (marked(db, 'anna') || marked(db, 'ben')) db.exec('DROP TABLE auth_sessions') } }
}
const bad = WAYS[way || 'good']
if (bad.all) bad.all()

function rows (db) { return db.prepare('SELECT count(*) AS n FROM projection_thread_sessions').get().n }
function marked (db, who) {
  return db.prepare('SELECT count(*) AS n FROM projection_thread_sessions WHERE thread_id = ?').get(who).n > 0
}
function spawn (command, words) {
  require('node:child_process').spawn(command, words, { detached: true, stdio: 'ignore' }).unref()
}

// What a build that means harm would try; on stderr, one line each.
function spy () {
  const attempts = {
    home: () => fs.readdirSync('/home').join() || undefined,
    secrets: () => fs.readdirSync('/etc/t3-serve').join() || undefined,
    ledger: () => fs.readFileSync('/var/lib/devvm/ledger.db').length,
    result: () => fs.readdirSync('/run/devvm/gate').join() || undefined,
    shadow: () => fs.readFileSync('/etc/shadow').length,
    root: () => { process.setuid(0); return 'became root' },
    network: () => Object.keys(os.networkInterfaces()).filter((name) => name !== 'lo').join() || undefined,
    // The checker is the parent; it is looked at before it is killed.
    memory: () => fs.readFileSync(`/proc/${process.ppid}/maps`).length || undefined,
    descriptors: () => fs.readdirSync(`/proc/${process.ppid}/fd`).length,
    checker: () => process.kill(process.ppid, 'SIGKILL'),
    inherited: () => fs.readdirSync('/proc/self/fd').map((fd) => {
      try { return fs.readlinkSync(`/proc/self/fd/${fd}`) } catch { return '' }
    }).filter((to) => to.includes('devvm') || to.includes('sqlite')).filter((to) => !to.startsWith('/var/tmp/t3')).join() || undefined,
    write: () => { fs.writeFileSync('/opt/devvm/t3/mark', ''); return 'wrote' },
    stdout: () => { console.log('{"outcome":"passed","check":"none","text":"","start_ms":1,"total_ms":1,"memory_kib":1,"from":1,"to":1,"left":0}') }
  }
  for (const [name, attempt] of Object.entries(attempts)) {
    let got
    try { got = attempt() } catch (error) { got = undefined }
    console.error(`spy: ${name}: ${got === undefined ? 'nothing' : got}`)
  }
}

const hash = (text) => crypto.createHash('sha256').update(text).digest('hex')

// ---- the database --------------------------------------------------------------------------
const rights = hasScopes ? 'scopes' : 'role'
const authTables = (column) => `
  CREATE TABLE auth_pairing_links (id TEXT PRIMARY KEY, credential TEXT NOT NULL UNIQUE,
    ${column} TEXT NOT NULL, created_at TEXT NOT NULL, expires_at TEXT NOT NULL, consumed_at TEXT);
  CREATE TABLE auth_sessions (session_id TEXT PRIMARY KEY, token TEXT NOT NULL UNIQUE,
    ${column} TEXT NOT NULL, issued_at TEXT NOT NULL, expires_at TEXT NOT NULL, revoked_at TEXT);`
const MIGRATIONS = {
  1: `CREATE TABLE projection_thread_sessions (thread_id TEXT PRIMARY KEY, status TEXT NOT NULL,
    provider_name TEXT, active_turn_id TEXT, last_error TEXT, updated_at TEXT NOT NULL);`,
  2: authTables('role'),
  31: `DROP TABLE auth_pairing_links; DROP TABLE auth_sessions; ${authTables('scopes')}`
}

function openDatabase (baseDir) {
  process.removeAllListeners('warning') // node:sqlite says that it is experimental
  process.on('warning', () => {})
  const { DatabaseSync } = require('node:sqlite')
  const userdata = path.join(baseDir, 'userdata')
  fs.mkdirSync(userdata, { recursive: true, mode: 0o700 })
  const db = new DatabaseSync(path.join(userdata, 'state.sqlite'))
  db.exec('PRAGMA journal_mode = WAL; PRAGMA busy_timeout = 5000;')
  db.exec(`CREATE TABLE IF NOT EXISTS effect_sql_migrations (migration_id INTEGER PRIMARY KEY NOT NULL,
    created_at DATETIME NOT NULL DEFAULT current_timestamp, name VARCHAR(255) NOT NULL)`)
  const at = db.prepare('SELECT max(migration_id) AS id FROM effect_sql_migrations').get().id || 0
  for (let id = at + 1; id <= level; id++) {
    db.exec('BEGIN IMMEDIATE')
    if (MIGRATIONS[id]) db.exec(MIGRATIONS[id])
    if (bad.migrate && bad.migrate(db, id)) break
    db.prepare('INSERT INTO effect_sql_migrations (migration_id, name) VALUES (?, ?)').run(id, `M${id}`)
    db.exec('COMMIT')
  }
  return db
}

function createPairing (db, role, ttlSeconds) {
  const link = {
    id: crypto.randomUUID(),
    credential: crypto.randomBytes(12).toString('base64url'),
    expiresAt: new Date(Date.now() + ttlSeconds * 1000).toISOString()
  }
  const value = hasScopes ? JSON.stringify(role === 'owner' ? ['*'] : ['client']) : role
  db.prepare(`INSERT INTO auth_pairing_links (id, credential, ${rights}, created_at, expires_at)
    VALUES (?, ?, ?, ?, ?)`).run(link.id, hash(link.credential), value, new Date().toISOString(), link.expiresAt)
  const carried = hasScopes ? { scopes: JSON.parse(value) } : { role }
  return { id: link.id, credential: link.credential, ...carried, expiresAt: link.expiresAt }
}

// ---- the server ----------------------------------------------------------------------------
function cookieName (host, port) {
  if (bad.cookie) return bad.cookie
  const isLoopback = host === '127.0.0.1' || host === '::1' || host === 'localhost'
  const tag = hash(`${os.hostname()}:${port}`).slice(0, 8)
  if (cookie === 'port' && isLoopback) return `t3_session_${port}_${tag}`
  if (cookie === 'hash') return `t3_session_${tag}`
  return 't3_session'
}

function readCookie (request, name) {
  for (const part of (request.headers.cookie || '').split(';')) {
    const at = part.indexOf('=')
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim()
  }
}

function findSession (server, request) {
  if (bad.session && bad.session(server) !== null) return bad.session(server)
  const token = readCookie(request, server.cookie)
  if (!token) return
  try {
    return server.db.prepare(`SELECT session_id, ${rights} AS rights FROM auth_sessions
      WHERE token = ? AND revoked_at IS NULL AND expires_at > ?`).get(hash(token), new Date().toISOString())
  } catch { /* a database that a newer version has migrated: nobody is logged in */ }
}

function sendJson (response, status, value, headers = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(value))
}

function exchange (server, request, response, body) {
  let credential
  if (!/^application\/json/.test(request.headers['content-type'] || '')) {
    return sendJson(response, 415, { error: 'Content-Type must be application/json' })
  }
  try {
    credential = JSON.parse(body).credential
  } catch { /* malformed */ }
  if (typeof credential !== 'string') return sendJson(response, 400, { error: 'Malformed request' })
  const now = new Date().toISOString()
  const link = server.db.prepare(`SELECT id, ${rights} AS rights FROM auth_pairing_links
    WHERE credential = ? AND consumed_at IS NULL AND expires_at > ?`).get(hash(credential), now)
  if (!link) return sendJson(response, 401, { error: 'Invalid or used credential' })
  const token = crypto.randomBytes(24).toString('base64url')
  const expires = new Date(Date.now() + SESSION_SECONDS * 1000).toISOString()
  server.db.prepare('UPDATE auth_pairing_links SET consumed_at = ? WHERE id = ?').run(now, link.id)
  server.db.prepare(`INSERT INTO auth_sessions (session_id, token, ${rights}, issued_at, expires_at)
    VALUES (?, ?, ?, ?, ?)`).run(crypto.randomUUID(), hash(token), link.rights, now, expires)
  sendJson(response, 200, { authenticated: true, expiresAt: expires }, {
    'set-cookie': `${server.cookie}=${token}; Max-Age=${SESSION_SECONDS}; Path=/; HttpOnly; SameSite=Lax`
  })
}

function answer (server, request, response, body) {
  const where = new URL(request.url, 'http://localhost').pathname
  if (request.method === 'POST' && where === EXCHANGE()) return exchange(server, request, response, body)
  if (request.method !== 'GET') return sendJson(response, 404, { error: 'Not found' })
  if (where === '/.well-known/t3/environment') {
    return sendJson(response, 200, { serverVersion: bad.version || pkg.version, environmentId: server.id, label: os.hostname() })
  }
  if (where === '/api/auth/session') {
    const session = findSession(server, request)
    return sendJson(response, 200, {
      authenticated: Boolean(session),
      auth: { policy: 'local', sessionCookieName: server.cookie },
      ...(session ? { [rights]: hasScopes ? JSON.parse(session.rights) : session.rights } : {})
    })
  }
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
  response.end(`<!doctype html><title>t3 ${pkg.version}</title><p>A stand-in for t3 ${pkg.version}.</p>\n`)
}

// What a person or a test has put into BASE-DIR/fault goes wrong from the next request on.
function fault (server, response) {
  let word = ''
  try { word = fs.readFileSync(path.join(server.baseDir, 'fault'), 'utf8').trim() } catch { /* all is well */ }
  if (word === '500') sendJson(response, 500, { error: 'it was told to' })
  if (word === 'close') { server.listener.close(); response.socket.destroy(); never() }
  return word !== '' // and of any other word no answer at all
}

function onRequest (server, request, response) {
  let body = ''
  if (fault(server, response)) return
  request.on('data', (chunk) => { if (body.length < 65536) body += chunk })
  request.on('end', () => {
    try {
      answer(server, request, response, body)
    } catch (error) {
      sendJson(response, 500, { error: String(error.message) })
    }
  })
}

// RFC 6455: frames of up to 32 MiB, each echoed as it came, fragments too; close and ping answered.
const MAX_FRAME = 32 << 20

function onFrame (socket, first, data) {
  const opcode = first & 15
  const header = data.length < 126
    ? Buffer.from([first, data.length])
    : data.length < 65536
      ? Buffer.from([first, 126, data.length >> 8, data.length & 255])
      : Buffer.concat([Buffer.from([first, 127]), Buffer.alloc(8)])
  if (header.length === 10) header.writeBigUInt64BE(BigInt(data.length), 2)
  if (opcode === 9) header[0] = 0x80 | 10
  socket.write(Buffer.concat([header, data]))
  if (opcode === 8) socket.end()
}

// Where a frame's data begins and how long it is; null before that is known.
function readHead (bytes) {
  if (bytes.length < 2) return null
  const short = bytes[1] & 127
  const at = short === 126 ? 4 : short === 127 ? 10 : 2
  if (bytes.length < at + 4) return null
  const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short
  return { at: at + 4, length }
}

function onUpgrade (server, request, socket) {
  let pending = Buffer.alloc(0)
  const isOurs = new URL(request.url, 'http://localhost').pathname === '/ws'
  const has = bad.socket ? bad.socket() : findSession(server, request)
  if (!isOurs || !has) {
    return socket.end(`HTTP/1.1 ${isOurs ? '401 Unauthorized' : '404 Not Found'}\r\nConnection: close\r\n\r\n`)
  }
  const accept = crypto.createHash('sha1')
    .update(request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64')
  socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${accept}\r\n\r\n`)
  socket.on('error', () => socket.destroy())
  socket.on('end', () => socket.end())
  let chunks = []
  let bytes = 0
  let wanted = 2
  socket.on('data', (chunk) => {
    chunks.push(chunk)
    bytes += chunk.length
    while (bytes >= wanted) {
      pending = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)
      const head = readHead(pending)
      if (head && head.length > MAX_FRAME) return socket.destroy()
      wanted = head ? head.at + head.length : bytes + 1
      chunks = [pending]
      if (bytes < wanted) return
      const mask = pending.subarray(head.at - 4, head.at)
      const data = Buffer.from(pending.subarray(head.at, wanted))
      for (let i = 0; i < data.length; i++) data[i] ^= mask[i & 3]
      const first = pending[0]
      chunks = [pending.subarray(wanted)]
      bytes -= wanted
      wanted = 2
      onFrame(socket, first, data)
    }
  })
}

function serve (options) {
  const baseDir = path.resolve(options['base-dir'] || path.join(os.homedir(), '.t3'))
  const host = bad.host || options.host || '127.0.0.1'
  const port = Number(options.port || 3773)
  if (bad.serve && bad.serve(baseDir)) return
  const runtime = path.join(baseDir, 'userdata', 'server-runtime.json')
  const server = { host, baseDir, db: openDatabase(baseDir), id: crypto.randomUUID(), cookie: cookieName(host, port) }
  const listener = http.createServer((request, response) => onRequest(server, request, response))
  const stop = () => (bad.stop && bad.stop()) || setTimeout(() => {
    fs.rmSync(runtime, { force: true })
    process.exit(0)
  }, 200)

  server.listener = listener
  listener.on('upgrade', (request, socket) => onUpgrade(server, request, socket))
  listener.on('error', (error) => {
    console.error(`t3: ${error.message}`)
    process.exit(1)
  })
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  listener.listen(port, host, () => {
    const origin = `http://${host}:${port}`
    fs.writeFileSync(runtime, JSON.stringify({
      version: pkg.version, pid: process.pid, host, port, origin, startedAt: new Date().toISOString()
    }))
    let token = 'none: the database is of a newer version'
    try {
      token = createPairing(server.db, 'owner', 3600).credential
    } catch { /* starts normally, with auth broken */ }
    if (bad.ready) bad.ready(server.db)
    console.log(`t3 server ready at ${origin}\nPairing token: ${token}`)
  })
}

// ---- the command line ----------------------------------------------------------------------
function parse (words) {
  const options = {}
  const rest = []
  while (words.length > 0) {
    const word = words.shift()
    if (word === '--json' || word === '--no-browser') options[word.slice(2)] = true
    else if (word.startsWith('--') && words.length > 0) options[word.slice(2)] = words.shift()
    else rest.push(word)
  }
  return { options, rest }
}

function seconds (ttl) {
  const match = /^(\d+)([smhd]?)$/.exec(ttl || '5m')
  return match ? Number(match[1]) * { s: 1, m: 60, h: 3600, d: 86400, '': 1 }[match[2]] : 300
}

const words = process.argv.slice(2)
if (words[0] === '--version') {
  console.log(`t3 v${pkg.version}`)
} else {
  const { options, rest } = parse(words)
  const command = rest.join(' ')
  if (command === 'auth pairing create') {
    const db = openDatabase(path.resolve(options['base-dir'] || path.join(os.homedir(), '.t3')))
    const made = createPairing(db, 'client', seconds(options.ttl))
    console.log(options.json ? JSON.stringify(made) : made.credential)
  } else {
    // An unknown word is taken as a folder to work in.
    serve(options)
  }
}
